"""What a form asks and says of how a product is delivered."""

from typing import Any
from uuid import UUID

import msgspec

from tradehall.catalog import actions, delivery, templates
from tradehall.catalog.delivering import CLASSES
from tradehall.catalog.delivery import INSTANT
from tradehall.catalog.model import Endpoint, Product, ProductClass
from tradehall.edge.access import installation_of
from tradehall.kernel.files import KINDS
from tradehall.kernel.i18n import N_
from tradehall.supervision.acceptance import CLASS_LABELS
from tradehall.web import labels
from tradehall.web.common import Form, WebRequest, texts

# Beside the product's class: who sells it, which decides how it is accepted.
_CLASSES: dict[ProductClass, str] = {
    "common": N_("You sell it and invoice the buyer; it is accepted by your own standard."),
    "self_service": N_("The marketplace invoices the buyer; it is accepted by your own standard."),
    "joint": N_(
        "The marketplace sells it together with you; for buyers of the empowerment or base cloud, their rule holds and "
        "the marketplace reviews each delivery."
    ),
}


class Wished(msgspec.Struct, frozen=True):
    """What a form says of the delivery; what does not belong to the delivery type is left out."""

    delivery_type: str
    product_class: ProductClass
    asks_requirement: bool
    delivery_days: int | None
    endpoint_id: UUID | None


def read_delivery(form: Form, *, was: Product | None = None) -> Wished:
    """What was chosen. A form that says nothing of it means what it was before, or what opens by itself."""
    form.values.setdefault("delivery_type", was.delivery_type if was else INSTANT)
    form.values.setdefault("product_class", was.product_class if was else "common")
    kind = form.choice("delivery_type", [one.key for one in delivery.deliveries()])
    typed = form.choice("product_class", CLASSES)
    product_class: ProductClass = next((one for one in CLASSES if one == typed), "common")
    if not delivery.known(kind):
        return Wished(kind, product_class, True, None, None)
    chosen = delivery.delivery(kind)
    with_days = chosen.supervised and bool(form.values.get("delivery_days", "").strip())
    with_endpoint = chosen.reach == "server" and bool(form.values.get("endpoint_id"))
    return Wished(
        kind,
        product_class,
        not chosen.requirement_optional or form.values.get("asks_requirement") != "no",
        form.integer("delivery_days") if with_days else None,
        form.uuid("endpoint_id") if with_endpoint else None,
    )


def delivery_values(request: WebRequest, endpoints: list[Endpoint]) -> dict[str, Any]:
    """What the fields of the delivery offer to choose from."""
    said = texts(request)
    basic = [one for one in endpoints if one.interface_class == "basic"]
    return {
        "deliveries": [
            {
                "value": one.key,
                "label": said.lookup(one.label),
                "hint": said.lookup(labels.delivery_sentence(one.key)),
                "reach": one.reach,
                "supervised": one.supervised,
                "optional": one.requirement_optional,
            }
            for one in delivery.deliveries()
        ],
        "classes": [
            {"value": one, "label": said.lookup(CLASS_LABELS[one]), "hint": said.lookup(_CLASSES[one])}
            for one in CLASSES
        ],
        "requirement_options": [
            ("yes", said.gettext("Yes: the buyer submits one, and you confirm it")),
            ("no", said.gettext("No: you deliver at once")),
        ],
        "most_days": actions.LONGEST_DELIVERY,
        "usual_days": installation_of(request).settings.delivery_days,
        "endpoints": basic,
        "endpoints_options": [("", said.gettext("Choose later")), *((str(one.id), one.name) for one in basic)],
    }


def with_delivery(form: Form, product: Product) -> Form:
    """The form, showing how the product is delivered wherever nothing else was typed."""
    held = {
        "delivery_type": product.delivery_type,
        "product_class": product.product_class,
        "asks_requirement": "yes" if product.asks_requirement else "no",
        "delivery_days": "" if product.delivery_days is None else str(product.delivery_days),
        "endpoint_id": str(product.endpoint_id or ""),
    }
    for name, value in held.items():
        form.values.setdefault(name, value)
    return form


def told_delivery(product: Product) -> dict[str, Any]:
    """What the product's page says of how it is delivered."""
    chosen = delivery.delivery(product.delivery_type)
    return {
        "chosen": chosen,
        "delivery_label": labels.delivery_label(product.delivery_type),
        "class_label": CLASS_LABELS[product.product_class],
        "template_labels": templates.LABELS,
        "accepted_files": ",".join(
            f".{ending}" for name, kind in KINDS.items() if name in templates.ACCEPTED for ending in kind.endings
        ),
    }
