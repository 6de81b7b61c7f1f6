"""What the sandbox's sellers' servers open: fourteen products in both languages. Amounts are fen (1/100 yuan)."""

from typing import Literal

import msgspec

from tradehall.catalog.delivery import INSTANT
from tradehall.catalog.model import ChargingMode, PeriodType, ProductClass

SellerKey = Literal["cloudsail", "bedrock", "lark", "maple"]


class PriceText(msgspec.Struct, frozen=True):
    """A way to buy; `unit` is (en, zh) of what is counted on demand."""

    mode: ChargingMode
    amount_minor: int
    period: PeriodType | None = None
    unit: tuple[str, str] | None = None


class Sku(msgspec.Struct, frozen=True):
    """A specification; `quantity` is (en, zh, least, most, step), `trial` for how many days it may be tried."""

    name_en: str
    name_zh: str
    prices: tuple[PriceText, ...]
    quantity: tuple[str, str, int, int, int] | None = None
    trial: int | None = None


class Goods(msgspec.Struct, frozen=True):
    """A product as its seller describes it; paragraphs are parted by blank lines. `upgrades` says which specification
    may become which during a term, by their places; one and the same: that it may be expanded."""

    seller: SellerKey
    slug: str
    category: str
    name_en: str
    name_zh: str
    summary_en: str
    summary_zh: str
    description_en: str
    description_zh: str
    skus: tuple[Sku, ...]
    upgrades: tuple[tuple[int, int], ...] = ()
    delivery_type: str = INSTANT
    product_class: ProductClass = "common"
    delivery_days: int | None = None


def _by_period(month: int, year: int) -> tuple[PriceText, ...]:
    return PriceText("PERIOD", month, "month"), PriceText("PERIOD", year, "year")


def _once(amount: int) -> tuple[PriceText, ...]:
    return (PriceText("ONE_TIME", amount),)


def _by_use(amount: int, unit_en: str, unit_zh: str) -> tuple[PriceText, ...]:
    return (PriceText("ON_DEMAND", amount, unit=(unit_en, unit_zh)),)


_SEATS = ("Seats", "席位")

GOODS: tuple[Goods, ...] = (
    Goods(
        "cloudsail",
        "cloudsail-workplace",
        "collaboration",
        "Cloudsail Workplace",
        "云帆协同办公平台",
        "Chat, meetings, calendars and approvals in one place, for companies of 10 to 5,000 people.",
        "即时沟通、视频会议、日程与审批一体化，适合 10 至 5000 人的企业。",
        """\
Cloudsail Workplace brings the conversations, meetings and decisions of a company into one application. Every
project has a channel, every channel has its files and its calendar, and an approval can be given from the message that
asks for it.

Meetings start with one click and hold up to 300 participants. They are recorded if you wish, and an hour later the
minutes are in the channel: who said what, what was decided, and who promised to do it by when.

Administrators connect their own directory, decide who may invite guests, and keep messages for as long as their trade
requires. All data stays in the region you choose, and can be exported in full at any time.""",
        """\
云帆协同办公平台把企业里的沟通、会议与决策放进同一个应用。每个项目有自己的频道，每个频道有自己的文件与日程，\
审批可以直接在消息里完成，不必再切换系统。

视频会议一键发起，最多支持 300 人同时参会。会议可按需录制，会后一小时内自动生成纪要：谁说了什么、决定了什么、\
谁在什么时间之前完成什么，都清清楚楚地留在频道里。

管理员可以对接企业自有的组织架构，控制外部联系人的邀请权限，并按行业要求设定消息保留期限。所有数据存放在您选定的地域，\
随时可以完整导出。""",
        (
            Sku("Team", "团队版", _by_period(2_900, 29_000), (*_SEATS, 10, 500, 5), trial=30),
            Sku("Enterprise", "企业版", _by_period(5_900, 59_000), (*_SEATS, 50, 5000, 10)),
        ),
        ((0, 0), (0, 1), (1, 1)),
    ),
    Goods(
        "cloudsail",
        "cloudsail-projects",
        "developer_tools",
        "Cloudsail Projects",
        "云帆研发项目管理",
        "Plans, boards, test cases and releases for product teams, linked to the code they lead to.",
        "需求、看板、测试与发布全流程管理，每一项工作都与代码相关联。",
        """\
Cloudsail Projects follows a requirement from the first idea to the release that delivers it. Boards, burndown
charts and road maps are drawn from the same data, so a plan never says something else than the work does.

Commits, merge requests and pipeline runs find their requirement by its number. When a release is cut, its notes write
themselves, and auditors see who reviewed which change, and when.

Existing projects are imported from the usual trackers with their history, attachments and links intact. Most teams have
moved within an afternoon.""",
        """\
云帆研发项目管理覆盖从需求提出到版本发布的完整过程。看板、燃尽图与路线图出自同一份数据，计划与实际进展始终一致。

代码提交、合并请求与流水线记录会按编号自动关联到对应需求。发布版本时自动生成发布说明，审计人员可以查到每一处变更由谁评审、\
何时通过。

支持从主流项目管理工具导入历史数据，附件与关联关系完整保留，多数团队半天之内即可完成迁移。""",
        (
            Sku("Standard", "标准版", _by_period(3_900, 39_000), (*_SEATS, 5, 1000, 5), trial=14),
            Sku("Private deployment guide", "专属部署指导", _once(1_980_000)),
        ),
        ((0, 0),),
    ),
    Goods(
        "cloudsail",
        "cloudsail-sign",
        "finance",
        "Cloudsail e-Sign",
        "云帆电子合同",
        "Legally binding electronic contracts: drafted, signed, time-stamped and kept for as long as the law asks.",
        "合法有效的电子合同：起草、签署、时间戳与长期存证一站完成。",
        """\
Contracts that used to travel by courier for a week are signed in minutes. Counterparties need no account: they
receive a link, prove who they are, read, and sign on whatever device they hold.

Every signature carries a certificate from a licensed authority and a trusted time stamp. Any later change to the file
is evident, and a report for the court is one click away.

Templates with fill-in fields, signing orders for several parties, bulk sending and an API cover everything from a
single lease to a hundred thousand employment contracts.""",
        """\
过去需要快递往返一周的合同，现在几分钟即可签完。对方无需注册账号：收到链接、完成实名认证、阅读并签署，手机或电脑均可。

每个签名都附有持牌机构颁发的数字证书与可信时间戳，文件的任何后续改动都会被发现，司法举证报告一键出具。

支持带填写项的合同模板、多方按顺序签署、批量发送与开放接口，从一份租赁合同到十万份劳动合同都能从容应对。""",
        (
            Sku("By the contract", "按份计费", _by_use(350, "contract", "份")),
            Sku("500 contracts", "500 份合同包", _once(120_000)),
            Sku("2,000 contracts", "2000 份合同包", _once(398_000)),
        ),
    ),
    Goods(
        "cloudsail",
        "cloudsail-wiki",
        "collaboration",
        "Cloudsail Knowledge Base",
        "云帆知识库",
        "What a company knows, written down together, found at once, and kept up to date.",
        "团队共建的知识库：写得顺手、搜得到、不过期。",
        """\
A page is written by many hands at once, with tables, diagrams and formulas where they help. Every change is
kept, every page has an owner, and whoever owns one is asked from time to time whether it is still true.

Search understands Chinese and English, reads inside attachments and respects permissions: nobody finds what they may
not open.

New colleagues get a reading list for their role, and questions that were asked twice become a page.""",
        """\
多人同时编辑，表格、流程图与公式随手可用。每次修改都有记录，每个页面都有负责人，系统会定期提醒负责人确认内容是否仍然有效。

搜索支持中英文，可检索附件正文，并严格遵循权限：没有权限的内容不会出现在结果里。

新同事入职即可获得所在岗位的阅读清单；被重复提出的问题，会自动沉淀为新的知识页面。""",
        (Sku("Team", "团队版", _by_period(1_500, 15_000), (*_SEATS, 5, 2000, 5), trial=14),),
        ((0, 0),),
    ),
    Goods(
        "bedrock",
        "bedrock-insight",
        "data",
        "Bedrock Insight",
        "磐石商业智能分析",
        "Dashboards over your warehouse that business people build themselves, on figures everybody agrees on.",
        "业务人员也能自助搭建的数据看板，指标口径全公司统一。",
        """\
Bedrock Insight puts one layer of agreed measures over your databases. Turnover is defined once; every dashboard,
every export and every question asked in plain language uses that definition.

Dashboards are put together by dragging, refresh themselves in minutes and look right on a phone. Row-level permissions
follow your organisation chart, so a branch manager opens the same page as headquarters and sees only the branch.

Each customer gets an environment of their own, prepared after the order has been paid. This takes a few minutes.""",
        """\
磐石商业智能分析在企业数据库之上建立统一的指标层。“营业额”只定义一次，所有看板、导出与自然语言提问都使用同一口径。

看板通过拖拽搭建，分钟级刷新，手机端同样清晰。行级权限跟随组织架构：分公司经理与总部打开同一页面，各自只看到权限内的数据。

每位客户独享一套环境，付款后自动创建，通常需要几分钟。""",
        (
            Sku("Growth", "成长版", _by_period(128_000, 1_280_000)),
            Sku("Flagship", "旗舰版", _by_period(398_000, 3_980_000)),
            Sku("Extra viewers", "查看者扩展包", _by_period(900, 9_000), ("Viewers", "查看者", 10, 10_000, 10)),
        ),
        ((0, 1), (2, 2)),
    ),
    Goods(
        "bedrock",
        "bedrock-backup",
        "security",
        "Bedrock Cloud Backup",
        "磐石云备份",
        "Databases, servers and file shares backed up where ransomware cannot reach, and restored on trial every week.",
        "数据库、服务器与文件的不可篡改备份，每周自动进行恢复演练。",
        """\
Copies are written once and cannot be changed or deleted before their time, not even with an administrator's
password. Encryption happens on your side, with a key that never leaves it.

A backup that was never restored is a hope. Once a week Bedrock restores every protected system into an isolated
network, starts it, checks that it answers, and sends a report with the time it took.

Agents run on Linux and Windows; the common databases are backed up while they work.""",
        """\
备份数据一经写入便不可修改，在保留期满之前即使拥有管理员密码也无法删除。加密在客户侧完成，密钥从不离开您的环境。

没有恢复过的备份只是一种希望。系统每周将受保护的业务恢复到隔离网络中，启动、验证应答，并发送包含恢复耗时的演练报告。

代理程序支持 Linux 与 Windows，主流数据库可在线热备，不影响业务运行。""",
        (
            Sku("Protected capacity", "保护容量", _by_period(4_500, 48_000), ("TB", "TB", 1, 500, 1)),
            Sku("Recovery by use", "按量恢复", _by_use(80, "GB restored", "GB 恢复量")),
        ),
        ((0, 0),),
    ),
    Goods(
        "bedrock",
        "bedrock-pipeline",
        "data",
        "Bedrock Data Pipeline",
        "磐石数据集成",
        "Moves data between 120 systems, on schedule or as it changes, and tells you when a source has changed shape.",
        "连接 120 种数据源，定时或实时同步，源表结构变化即时告警。",
        """\
Choose a source, choose a target, and the first rows arrive within minutes. Changes are read from the databases'
own logs, so the source hardly notices.

When a column appears, vanishes or changes its type, the pipeline holds the rows concerned, tells the owner, and goes on
when told what to do. Nothing is dropped silently.

Every run can be traced from a figure in a report back to the row it came from.""",
        """\
选择来源、选择目标，几分钟内即可看到第一批数据。增量数据读取自数据库日志，对源系统几乎没有影响。

当字段新增、消失或类型改变时，同步任务会暂存相关数据并通知负责人，确认处理方式后继续运行，绝不静默丢弃。

报表中的每个数字都可以逐层追溯到最初的那一行数据。""",
        (
            Sku("Standard", "标准版", _by_period(68_000, 680_000), ("Pipelines", "同步任务", 5, 200, 5), trial=14),
            Sku("By volume", "按量计费", _by_use(12, "GB moved", "GB 同步量")),
        ),
        ((0, 0),),
    ),
    Goods(
        "bedrock",
        "bedrock-audit",
        "security",
        "Bedrock Log Audit",
        "磐石日志审计",
        "Collects the logs of everything you run, keeps them unaltered for six months and more, and finds what is odd.",
        "集中采集全网日志，合规留存 180 天以上，异常行为自动发现。",
        """\
Servers, network devices, databases and cloud accounts send their logs to one place, where each entry is chained
to the one before. An auditor can check in minutes that nothing was altered or left out.

Rules for the usual requirements come along, in Chinese and English. Unusual sign-ins, mass downloads and privileges
that grow overnight raise an alert with the entries that led to it.

Reports for multi-level protection assessments are prepared at the push of a button.""",
        """\
服务器、网络设备、数据库与云账号的日志汇集到一处，每条记录都与前一条链式关联，审计人员几分钟内即可验证日志未被篡改或遗漏。

内置中英文常用合规规则。异常登录、批量下载、权限突增等行为会触发告警，并附上完整的证据链。

等级保护测评所需的报告一键生成。""",
        (Sku("Log sources", "日志源", _by_period(9_800, 98_000), ("Sources", "日志源", 10, 1000, 10)),),
        ((0, 0),),
    ),
    Goods(
        "lark",
        "lark-service-desk",
        "customer_service",
        "Lark Service Desk",
        "百灵智能客服",
        "One queue for telephone, web chat, mini programs and mail, with an assistant that knows when to hand over.",
        "电话、网页、小程序与邮件统一接入，智能助手懂得何时转人工。",
        """\
Customers write where they like; agents answer in one place and see the whole history. The assistant answers what
it has learned from your own documents, names its source, and hands over with a summary as soon as it is unsure.

Supervisors see queues and waiting times as they are, listen in, whisper or take over. Surveys follow each conversation,
and the results lead back to the conversation they are about.

A service desk of twenty agents is usually set up within a day.""",
        """\
客户在习惯的渠道提问，坐席在同一个工作台回复，并能看到完整的历史记录。智能助手只依据您自己的文档作答并注明出处，\
遇到没有把握的问题会附上摘要及时转接人工。

主管可实时查看排队与等待时长，支持监听、耳语与接管。每次会话后自动发送满意度调查，结果可以直接回溯到对应会话。

二十个坐席的客服中心通常一天之内即可上线。""",
        (
            Sku("Standard", "标准版", _by_period(9_900, 99_000), ("Agents", "坐席", 1, 500, 1), trial=15),
            Sku("Intelligent", "智能版", _by_period(19_900, 199_000), ("Agents", "坐席", 5, 500, 1)),
        ),
        ((0, 0), (0, 1), (1, 1)),
    ),
    Goods(
        "lark",
        "lark-campaigns",
        "marketing",
        "Lark Campaigns",
        "百灵营销自动化",
        "Journeys across mail, SMS and mini programs that stop by themselves when the customer has bought.",
        "跨邮件、短信与小程序的营销旅程，客户成交后自动停止打扰。",
        """\
Draw a journey: who enters, what they receive, what happens when they open it and when they do not. Lark
Campaigns runs it for ten customers or ten million, keeps quiet hours, and never sends twice.

Audiences come from your shop, your service desk and your own tables, joined by rules you can read. Consent is a field
like any other and is checked at the moment of sending.

Each result is set against a control group, so you know what the campaign added and not only what it touched.""",
        """\
画出一条旅程：谁进入、收到什么、打开了怎样、没打开又怎样。百灵营销自动化可以为十个客户运行，也可以为一千万个客户运行，\
遵守免打扰时段，绝不重复发送。

人群来自商城、客服与自有数据表，按可读的规则合并。营销授权作为字段管理，并在发送的那一刻再次校验。

每项结果都与对照组比较，让您知道活动真正带来了什么，而不只是触达了谁。""",
        (
            Sku("10,000 contacts", "1 万联系人", _by_period(59_800, 598_000)),
            Sku("100,000 contacts", "10 万联系人", _by_period(298_000, 2_980_000)),
            Sku("SMS package", "短信包", _once(45_000), ("1,000 messages", "千条", 1, 1000, 1)),
        ),
        ((0, 1),),
    ),
    Goods(
        "lark",
        "lark-invoice",
        "finance",
        "Lark Invoice Hub",
        "百灵发票云",
        "Digital invoices issued, received, checked and booked without anybody typing a number.",
        "电子发票开具、收取、查验、入账全程自动，无需手工录入。",
        """\
Outgoing invoices are issued from your orders by your rules and delivered to the customer at once. Incoming ones
are collected from mail, photographs and the tax platform, checked for authenticity and duplicates, and matched with the
purchase they belong to.

The accounting systems in common use receive finished entries with the original attached. What does not match waits in a
list, with the reason next to it.

The month's tax figures are there on the first of the next.""",
        """\
销项发票按规则由订单自动开具并即时送达客户。进项发票从邮箱、照片与税务平台自动归集，完成真伪查验、重复校验，并与采购单自动匹配。

主流财务系统可直接接收带原件的凭证。无法匹配的发票会进入待办列表，并注明原因。

每月一号即可得到上月的税务数据。""",
        (
            Sku("Basic", "基础版", _by_period(19_900, 199_000)),
            Sku("Group", "集团版", _by_period(98_000, 980_000), ("Companies", "纳税主体", 2, 200, 1)),
        ),
        ((0, 1), (1, 1)),
    ),
    Goods(
        "lark",
        "lark-clinic",
        "industry",
        "Lark Clinic",
        "百灵诊所管理",
        "Appointments, records, prescriptions and stock for clinics and small hospitals.",
        "面向诊所与小型医院的预约、病历、处方与药房一体化管理。",
        """\
The front desk, the consulting rooms and the pharmacy look at the same patient. An appointment becomes a visit, a
visit becomes a record with its prescription, and the prescription moves the stock and the bill.

Interactions and allergies are checked while the doctor writes. Records follow the national templates and can be passed
on to the regional health platform.

Chains see all their clinics in one report, while every clinic keeps its own day.""",
        """\
前台、诊室与药房面对的是同一位患者：预约生成就诊，就诊生成病历与处方，处方自动联动库存与收费。

医生开方时即时提示药物相互作用与过敏史。病历遵循国家模板，可上传区域卫生信息平台。

连锁机构可在一张报表中查看所有门店，各门店仍保持独立的日常管理。""",
        (
            Sku("Single clinic", "单店版", _by_period(29_900, 299_000), trial=30),
            Sku("Chain", "连锁版", _by_period(24_900, 249_000), ("Clinics", "门店", 3, 300, 1)),
        ),
        ((0, 1), (1, 1)),
    ),
    Goods(
        "maple",
        "maple-payroll",
        "finance",
        "Maple Payroll",
        "红枫薪酬",
        "Pay, tax and social insurance for every city you employ people in, ready on the day it is due.",
        "覆盖全国各城市的薪资、个税与社保计算，发薪日前一切就绪。",
        """\
Maple Payroll has paid people on time since 2009. Changes in tax and social insurance arrive before they take
effect, city by city, and the figures of last month stay as they were.

Attendance comes from your own system or from Maple Timesheets. Whatever is unusual, a raise of half or a missing bank
account, is asked about before anything is paid.

Everybody sees their own payslip on their telephone; the bank gets one file, and the accounts their entries.""",
        """\
红枫薪酬自 2009 年起准时为员工发薪。各城市个税与社保政策在生效之前即完成更新，历史月份的数据保持原样。

考勤数据可来自自有系统或红枫考勤。涨薪过半、银行账号缺失等异常，会在发放之前先向负责人确认。

员工在手机上查看自己的工资单，银行收到一份代发文件，财务系统自动生成凭证。""",
        (Sku("Employees", "员工数", _by_period(800, 8_000), ("Employees", "员工", 10, 10_000, 10), trial=30),),
        ((0, 0),),
    ),
    Goods(
        "maple",
        "maple-timesheets",
        "industry",
        "Maple Timesheets",
        "红枫考勤",
        "Shifts, leave and overtime for factories, shops and warehouses, by card, face or telephone.",
        "面向工厂、门店与仓库的排班、请假与加班管理，支持刷卡、人脸与手机打卡。",
        """\
Shifts are planned for a week or a year, swapped between colleagues, and checked against the hours the law
allows before anybody is told.

Terminals at the gate work without a network for a week and hand in what they noted when it is back.

At the end of the month every hour has its reason, and payroll takes over what was approved.""",
        """\
按周或按年排班，员工之间可自助调班，发布之前自动校验是否符合法定工时。

闸机终端断网一周仍可正常打卡，网络恢复后自动补传记录。

月末每一个工时都有据可查，审批通过的数据直接进入薪酬核算。""",
        (
            Sku("Basic", "基础版", _by_period(300, 3_000), ("Employees", "员工", 10, 10_000, 10)),
            Sku("Shifts", "排班版", _by_period(600, 6_000), ("Employees", "员工", 10, 10_000, 10)),
        ),
        ((0, 0), (0, 1), (1, 1)),
    ),
)
