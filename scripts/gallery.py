"""Writes the gallery: every macro with made-up data, in both languages and themes, as static pages.

python scripts/gallery.py OUT          write OUT/<language>-<theme>-<part>.html, with the static files beside them
python scripts/gallery.py OUT --serve  and serve them at http://127.0.0.1:8899/
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

from tradehall.web.templating import STATIC, Flash, Organisation, PageContext, Person, SiteSuggestion, Theme, render

NOW = datetime(2026, 11, 23, 12, 40, 12, 120_000, tzinfo=UTC)
PARTS = {"list": "seller", "detail": "buyer", "form": "seller", "public": "public", "error": "operator"}

TEXTS: dict[str, tuple[str, str]] = {
    "orders": ("Orders", "订单"),
    "orders_hint": ("What buyers ordered from you, newest first.", "买家向您下的订单，最新的在前。"),
    "export": ("Export", "导出"),
    "new": ("New product", "新建商品"),
    "failing": ("Failing interfaces", "异常接口"),
    "failing_hint": ("oldest since 3 hours ago", "最早的已持续 3 小时"),
    "open": ("In progress", "处理中"),
    "open_hint": ("4 wait for you", "4 个等您处理"),
    "success": ("Calls answered", "调用成功率"),
    "success_hint": ("last 24 hours", "最近 24 小时"),
    "paid": ("Paid this month", "本月已支付"),
    "paid_hint": ("86 orders", "86 个订单"),
    "all": ("All", "全部"),
    "waiting": ("Waiting for payment", "待付款"),
    "processing": ("Processing", "处理中"),
    "completed": ("Completed", "已完成"),
    "late": ("Retrying", "重试中"),
    "failed": ("Failed", "失败"),
    "info": ("Trial", "试用"),
    "search": ("Order number or buyer", "订单号或买家"),
    "product": ("Product", "商品"),
    "crm": ("Cloud CRM, Professional", "云端客户管理（专业版）"),
    "hr": ("People and Payroll", "人事薪酬一体化"),
    "state": ("State", "状态"),
    "since": ("Since", "起始日期"),
    "order": ("Order", "订单"),
    "buyer": ("Buyer", "买家"),
    "amount": ("Amount", "金额"),
    "placed": ("Placed", "下单时间"),
    "took": ("Took", "用时"),
    "actions": ("Actions", "操作"),
    "restart": ("Restart", "重新启动"),
    "restart_title": ("Call the seller again?", "重新调用商家接口？"),
    "restart_text": (
        "The same order line is sent once more, with a new signature. Nothing is charged.",
        "同一订单行将以新的签名再次发送，不会产生费用。",
    ),
    "empty": ("No orders match", "没有符合条件的订单"),
    "empty_text": ("Widen the period or clear the filters.", "请放宽时间范围或清除筛选条件。"),
    "browse": ("Browse products", "浏览商品"),
    "cancel": ("Cancel order", "取消订单"),
    "step1": ("Placed", "已下单"),
    "step2": ("Paid", "已付款"),
    "step3": ("Opening", "开通中"),
    "step3_note": ("attempt 3 of 12", "第 3 次，共 12 次"),
    "step4": ("In use", "使用中"),
    "step5": ("Settled", "已结算"),
    "next": ("Yunqi Software opens your instance", "云启软件正在为您开通实例"),
    "next_text": (
        "Their server still prepares it and is asked every minute. If it is late, all your money comes back by itself.",
        "商家服务器仍在准备，系统每分钟查询一次。若到期仍未开通，款项将自动全额退还，无需申请。",
    ),
    "remind": ("Remind the seller", "提醒商家"),
    "next_late": ("Your interface does not answer", "您的接口没有响应"),
    "next_late_text": (
        "Three calls in a row timed out after 30 seconds. Check the server, then restart.",
        "连续三次调用在 30 秒后超时。请检查服务器后重新启动。",
    ),
    "happened": ("What happened", "发生了什么"),
    "calls": ("Calls to the seller", "对商家的调用"),
    "calls_hint": ("Kept for 90 days", "保留 90 天"),
    "access": ("Access", "登录信息"),
    "edit": ("Edit", "修改"),
    "front": ("Address", "访问地址"),
    "account": ("Account", "账号"),
    "password": ("Password", "密码"),
    "expires": ("Expires", "到期日"),
    "instance": ("Instance", "实例"),
    "note": ("Note", "备注"),
    "note_hint": ("Only your colleagues see it.", "仅同事可见。"),
    "price": ("Price", "价格"),
    "price_hint": ("10 seats × 12 months × CN¥99.00", "10 席位 × 12 个月 × ¥99.00"),
    "discount": ("Yearly discount", "包年优惠"),
    "tax": ("Tax included", "含税"),
    "settings": ("Interface settings", "接口设置"),
    "settings_hint": ("Where we call you, and with which key.", "我们调用您的地址与密钥。"),
    "alert": ("Your interface has not been checked yet", "您的接口尚未检测"),
    "alert_text": ("Orders are held back until one check passes.", "检测通过之前，订单会暂缓发送。"),
    "check": ("Check now", "立即检测"),
    "saved": ("Saved", "已保存"),
    "endpoint": ("Production interface", "生产接口"),
    "address": ("Address", "接口地址"),
    "address_hint": ("Public, with https.", "公网可访问，须为 https。"),
    "bad_address": ("This address is on a private network.", "该地址位于内网。"),
    "version": ("Protocol", "协议版本"),
    "retries": ("Attempts", "重试次数"),
    "mail": ("Alert by mail", "告警邮箱"),
    "notify": ("Tell us about failing calls", "接口异常时通知我们"),
    "notify_hint": ("At most one mail an hour.", "每小时最多一封邮件。"),
    "save": ("Save", "保存"),
    "buy": ("Your order", "您的订单"),
    "plan": ("Billing", "计费方式"),
    "monthly": ("Monthly", "包月"),
    "monthly_hint": ("Cancel at any month's end", "每月可退订"),
    "yearly": ("Yearly", "包年"),
    "yearly_hint": ("Two months for free", "相当于免费两个月"),
    "pay": ("Place order", "提交订单"),
    "danger": ("Access key", "访问密钥"),
    "danger_text": ("Calls signed with the old key stop at once.", "旧密钥签名的调用会立即失效。"),
    "rotate": ("Replace key", "更换密钥"),
    "rotate_title": ("Replace the access key?", "确定更换访问密钥？"),
    "rotate_text": ("Your server must know the new one first.", "请先让您的服务器使用新密钥。"),
    "later": ("Later", "稍后"),
    "catalogue": ("Products", "商品"),
    "catalogue_hint": ("Software that is opened for you within minutes.", "几分钟内即可开通的软件。"),
    "blurb": (
        "Contacts, pipelines and quotes in one place, for teams of 5 to 500.",
        "客户、商机、报价一处管理，适合 5 至 500 人团队。",
    ),
    "seller": ("Yunqi Software", "云启软件"),
    "flash": ("Order CS2611230001 was paid.", "订单 CS2611230001 已付款。"),
    "gone": ("Order CS2611230009 was not found.", "未找到订单 CS2611230009。"),
    "event1": ("Seller answered: still preparing", "商家回应：仍在准备"),
    "event2": ("Instance requested from the seller", "已向商家请求开通实例"),
    "event3": ("Paid", "已付款"),
    "event4": ("Time-out after 30 seconds", "30 秒后超时"),
    "event5": ("Order placed", "订单已提交"),
}


def pages() -> Iterator[tuple[str, str]]:
    """File names and their HTML."""
    for index, locale in enumerate(("en", "zh")):
        t = SimpleNamespace(**{key: texts[index] for key, texts in TEXTS.items()})
        for theme in get_args(Theme):
            for part, console in PARTS.items():
                yield f"{locale}-{theme}-{part}.html", _page(locale, theme, part, console, t)


def _page(locale: str, theme: Theme, part: str, console: Any, t: SimpleNamespace) -> str:
    home = Organisation(id="1", name="Yunqi Software" if locale == "en" else "云启软件有限公司", kind="seller")
    page = PageContext(
        locale=locale,
        path={"seller": "/seller/orders", "buyer": "/buyer/orders/1", "operator": "/operator"}.get(
            console, "/products"
        ),
        query="state=all",
        csrf_token="sample",
        now=NOW,
        console=console,
        theme=theme,
        person=Person(name="张伟" if locale == "zh" else "Wei Zhang", email="wei@example.com"),
        organisation=home,
        organisations=(home, Organisation(id="2", name="Northwind", kind="buyer")),
        site_suggestion=SiteSuggestion("intl", "Tradehall International", "#") if part == "public" else None,
        flashes=(Flash("success", t.flash),) if part == "detail" else (),
        request_id="0199a1c277de",
    )
    if part == "error":
        return render(page, "error.html", status=404, code="OrderNotFound", message=t.gone, actions=[])
    states = [
        ("waiting", t.waiting, "neutral"),
        ("processing", t.processing, "progress"),
        ("completed", t.completed, "success"),
        ("late", t.late, "warning"),
        ("failed", t.failed, "danger"),
        ("completed", t.completed, "success"),
    ]
    rows = [
        SimpleNamespace(
            number=f"CS26112300{index:02d}-000001",
            product=t.crm if index % 2 else t.hr,
            buyer=("Northwind Trading", "杭州明远科技有限公司")[index % 2],
            state=state,
            label=label,
            tone=tone,
            amount=1_069_200 * (index + 1) // 3,
            placed=NOW - timedelta(hours=index * 7),
            took=timedelta(milliseconds=640 * 9**index),
        )
        for index, (state, label, tone) in enumerate(states)
    ]
    events = [
        {"title": t.event1, "time": NOW - timedelta(seconds=40), "who": t.seller, "tone": "progress", "text": "000004"},
        {"title": t.event4, "time": NOW - timedelta(minutes=2), "tone": "danger"},
        {"title": t.event2, "time": NOW - timedelta(minutes=3), "tone": "info", "href": "#"},
        {
            "title": t.event3,
            "time": NOW - timedelta(minutes=3),
            "tone": "success",
            "who": page.person and page.person.name,
        },
        {"title": t.event5, "time": NOW - timedelta(hours=5)},
    ]
    request = (
        '{\n  "activity": "newInstance",\n  "businessId": "0199a1c2-77de-7c31-b2c4-5a1a9f0e1d2c",\n'
        '  "orderId": "CS2611230001",\n  "orderLineId": "CS2611230001-000001",\n  "testFlag": "0",\n'
        '  "signature": "' + "9f3c1ab27e" * 12 + '"\n}'
    )
    return render(
        page,
        "gallery.html",
        part=part,
        t=t,
        rows=rows,
        events=events,
        request=request,
        now=NOW - timedelta(hours=1),
        soon=NOW + timedelta(hours=2, minutes=4),
        past=NOW - timedelta(minutes=50),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(STATIC, options.out / "static", dirs_exist_ok=True)
    for name, html in pages():
        (options.out / name).write_text(html, encoding="utf-8")
    print(f"written to {options.out}")
    if options.serve:
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(options.out))
        http.server.ThreadingHTTPServer(("127.0.0.1", 8899), handler).serve_forever()


if __name__ == "__main__":
    main()
