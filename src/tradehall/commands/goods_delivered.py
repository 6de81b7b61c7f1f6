"""What the sandbox's sellers sell that people deliver, and what needs no delivery: one product of each kind."""

from tradehall.commands.goods import Goods, PriceText, SellerKey, Sku

_SUPPORT_EN = "Delivery is supervised: you accept it before the seller is paid, and every step is kept as evidence."
_SUPPORT_ZH = "交付全程受服务监管：您验收之后商家才能收款，每一步都留有凭证。"


def _once(amount: int) -> tuple[PriceText, ...]:
    return (PriceText("ONE_TIME", amount),)


def _goods(
    seller: SellerKey,
    slug: str,
    category: str,
    names: tuple[str, str],
    summary: tuple[str, str],
    skus: tuple[Sku, ...],
    delivery_type: str,
    *,
    joint: bool = False,
    days: int | None = None,
) -> Goods:
    people = delivery_type not in ("image", "api")
    return Goods(
        seller=seller,
        slug=slug,
        category=category,
        name_en=names[0],
        name_zh=names[1],
        summary_en=summary[0],
        summary_zh=summary[1],
        description_en=f"{summary[0]}\n\n{_SUPPORT_EN}" if people else summary[0],
        description_zh=f"{summary[1]}\n\n{_SUPPORT_ZH}" if people else summary[1],
        skus=skus,
        delivery_type=delivery_type,
        product_class="joint" if joint else "common",
        delivery_days=days,
    )


DELIVERED: tuple[Goods, ...] = (
    _goods(
        "cloudsail",
        "cloudsail-erp-dedicated",
        "finance",
        ("Cloudsail ERP, dedicated", "云帆 ERP 专属版"),
        (
            "An ERP of your own, set up for your plants and warehouses by Cloudsail's consultants.",
            "由云帆顾问按您的工厂与仓库配置的专属 ERP 系统。",
        ),
        (Sku("Dedicated", "专属版", (PriceText("PERIOD", 3_200_000, "year"),)),),
        "saas_manual",
        days=15,
    ),
    _goods(
        "cloudsail",
        "cloudsail-migration",
        "collaboration",
        ("Migration to Cloudsail", "云帆数据迁移服务"),
        (
            "Mailboxes, files and calendars moved over a weekend, with a trial run before and support after.",
            "周末完成邮箱、文件与日历的整体迁移，事前演练、事后保障。",
        ),
        (Sku("Up to 200 people", "200 人以内", _once(1_800_000)), Sku("Up to 1,000", "1000 人以内", _once(5_600_000))),
        "service",
        days=10,
    ),
    _goods(
        "lark",
        "lark-website",
        "marketing",
        ("Company website by Lark", "百灵企业官网建设"),
        (
            "Designed, shown to you twice, tested, and put live: a website in both languages within a month.",
            "设计稿与测试站两轮确认后上线，一个月内交付中英双语官网。",
        ),
        (Sku("Eight pages", "八页标准版", _once(2_600_000)),),
        "website",
        days=30,
    ),
    _goods(
        "bedrock",
        "bedrock-vault",
        "security",
        ("Bedrock Vault licence", "磐石数据保险箱授权"),
        (
            "Backups that cannot be changed, on your own servers. The authorisation code comes with the order.",
            "部署在您自有服务器上的不可篡改备份，授权码随订单下发。",
        ),
        (Sku("One node", "单节点", (PriceText("PERIOD", 960_000, "year"),)),),
        "license_code",
        joint=True,
        days=5,
    ),
    _goods(
        "bedrock",
        "bedrock-compiler",
        "developer_tools",
        ("Bedrock Query Compiler", "磐石查询编译器"),
        ("A licence for one machine, made for its hardware ID.", "与机器硬件识别码绑定的单机授权。"),
        (Sku("Workstation", "工作站版", _once(420_000)),),
        "license_hardware_id",
        days=3,
    ),
    _goods(
        "bedrock",
        "bedrock-archive",
        "data",
        ("Bedrock Archive", "磐石归档"),
        ("A licence for your account here, made for its system ID.", "与系统识别码绑定的账号授权。"),
        (Sku("Standard", "标准版", (PriceText("PERIOD", 260_000, "year"),)),),
        "license_system_id",
        days=3,
    ),
    _goods(
        "maple",
        "maple-payroll-onsite",
        "finance",
        ("Maple Payroll on your site", "红枫薪酬本地版"),
        (
            "The licence and the media come by courier, for networks without internet.",
            "为内网环境准备，授权与介质线下交付。",
        ),
        (Sku("500 people", "500 人版", _once(8_800_000)),),
        "license_offline",
        joint=True,
        days=20,
    ),
    _goods(
        "cloudsail",
        "cloudsail-private",
        "collaboration",
        ("Cloudsail on your own cloud", "云帆私有部署包"),
        ("The software package, deployed by Cloudsail into your account.", "由云帆部署到您云账号中的软件包。"),
        (Sku("Cluster of three", "三节点集群", _once(6_400_000)),),
        "software_package",
        days=15,
    ),
    _goods(
        "bedrock",
        "bedrock-edge",
        "industry",
        ("Bedrock Edge gateway", "磐石边缘网关"),
        (
            "A box that collects from machines old and new and keeps a month without a network.",
            "采集新旧设备数据、断网可存一个月的边缘网关。",
        ),
        (Sku("Gateway", "网关", _once(360_000), ("Boxes", "台", 1, 50, 1)),),
        "hardware",
        days=7,
    ),
    _goods(
        "bedrock",
        "bedrock-landing-zone",
        "developer_tools",
        ("Bedrock landing zone", "磐石云上基座编排"),
        (
            "Network, accounts and guard rails as one template, set up with you.",
            "网络、账号与护栏一体的编排模板，协同落地。",
        ),
        (Sku("Standard", "标准版", _once(1_200_000)),),
        "orchestration",
        days=10,
    ),
    _goods(
        "bedrock",
        "bedrock-port-calls",
        "data",
        ("Port calls of 2025", "2025 年港口挂靠数据"),
        (
            "Every call of a container ship at 120 ports, cleaned, with a field guide.",
            "全球 120 个港口集装箱船挂靠记录，清洗完毕并附字段说明。",
        ),
        (Sku("Whole year", "全年", _once(980_000)),),
        "data_file",
        days=5,
    ),
    _goods(
        "bedrock",
        "bedrock-database-image",
        "data",
        ("Bedrock database image", "磐石数据库镜像"),
        ("A server image with the database tuned and ready to start.", "数据库预装调优、开机即用的服务器镜像。"),
        (Sku("Standard", "标准版", (PriceText("PERIOD", 30_000, "month"),)),),
        "image",
    ),
    _goods(
        "lark",
        "lark-moderation-api",
        "customer_service",
        ("Lark text moderation API", "百灵文本审核 API"),
        (
            "Tells abuse from anger in two languages, by the package of calls.",
            "中英双语文本审核接口，按调用次数套餐购买。",
        ),
        (Sku("100,000 calls", "10 万次", _once(150_000)),),
        "api",
    ),
)
