"""By which rule a delivery is accepted, whether the platform looks at it first, and what has to be handed in for it.

Source: supervision_and_trading.md §0.2.
"""

from datetime import datetime
from typing import Literal

from tradehall.kernel.i18n import N_
from tradehall.supervision.fields import Field

ProductClass = Literal["common", "self_service", "joint"]
Scene = Literal["empowerment", "base"]
Rule = Literal["seller_defined", "empowerment", "base"]

RULE_LABELS: dict[Rule, str] = {
    "seller_defined": N_("The seller's acceptance standard"),
    "empowerment": N_("Rule of the empowerment cloud"),
    "base": N_("Rule of the base cloud"),
}
CLASS_LABELS: dict[ProductClass, str] = {
    "common": N_("General product"),
    "self_service": N_("Self-service product"),
    "joint": N_("Joint-operations product"),
}
LICENSES = frozenset(
    {"license_system_id", "license_hardware_id", "license_code", "license_offline", "software_package"}
)
# What is sent as a parcel, or was never asked for in writing, has no requirement document to hand in.
_WITHOUT_REQUIREMENT = frozenset({"hardware", "orchestration"})


def rule_for(product_class: ProductClass, scene: Scene | None) -> Rule:
    """The acceptance rule of an order. The scene is the buyer's track, or that of a voucher used to pay."""
    return scene if product_class == "joint" and scene else "seller_defined"


def is_reviewed(product_class: ProductClass, scene: Scene | None, paid_at: datetime, always_until: datetime) -> bool:
    """Whether the platform reviews deliveries: of joint products in the reviewed scenes, and, when the order was paid
    before `always_until`, of all joint products."""
    return product_class == "joint" and (scene is not None or paid_at < always_until)


def deliverables(rule: Rule, delivery_type: str) -> tuple[Field, ...]:
    """What a delivery is proven with, beyond what its own form asks for."""
    license_of = delivery_type in LICENSES
    fields = [
        Field(
            key="requirement_document",
            label=N_("Requirement document (SOW)"),
            kind="files",
            required=delivery_type not in _WITHOUT_REQUIREMENT,
        ),
        Field(
            key="acceptance_document",
            label=N_("Acceptance document"),
            kind="files",
            required=delivery_type != "hardware" or rule != "seller_defined",
            hint=N_("Fill in the product's acceptance standard with what was really delivered."),
        ),
    ]
    if license_of:
        in_scene = rule != "seller_defined"
        fields += [
            _picture("license_screenshot", N_("Screenshot of the licence's validity period"), required=in_scene),
            _picture("deployment_proof", N_("Screenshot that proves the deployment"), required=in_scene),
        ]
    if rule == "empowerment":
        fields += _empowerment(license_of)
    if rule == "base":
        fields += _base()
    fields.append(Field(key="other_proof", label=N_("Any other proof"), kind="files", required=False, accept="any"))
    return tuple(fields)


def _empowerment(license_of: bool) -> list[Field]:
    return [
        _picture("authorisation_screenshot", N_("Screenshot of the platform user's authorisation"), required=True),
        Field(
            key="cloud_order_number",
            label=N_("Order number of the cloud resources"),
            kind="text",
            required=license_of,
            verbatim=True,
            hint=N_("What is licensed has to run on the marketplace's cloud."),
        ),
        _picture("cloud_order_screenshot", N_("Screenshot of that order"), required=license_of),
        _SIGNED,
    ]


def _base() -> list[Field]:
    return [
        Field(key="remote", label=N_("Delivered remotely"), kind="flag", required=False),
        Field(
            key="screenshots",
            label=N_("Screenshots: login page, page after login, functions with the customer's name"),
            kind="files",
            accept="pictures",
            least=3,
            unless="remote",
        ),
        Field(
            key="remote_record",
            label=N_("Record of the remote delivery: mail, courier, minutes of a meeting"),
            kind="files",
            only_if="remote",
        ),
        Field(key="signed_by_all", label=_SIGNED.label, kind="flag", unless="remote"),
    ]


_SIGNED = Field(
    key="signed_by_all",
    label=N_("The seller, the platform's project team and the customer have all three signed"),
    kind="flag",
)


def _picture(key: str, label: str, *, required: bool) -> Field:
    return Field(key=key, label=label, kind="files", accept="pictures", required=required)
