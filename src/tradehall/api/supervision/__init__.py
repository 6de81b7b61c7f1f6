"""Service supervision for programs of all three sides: who asks decides what is seen and what can be done."""

from litestar import Router

from tradehall.api.supervision.acts import act_on_order, reveal_secrets, save_draft
from tradehall.api.supervision.calendar import list_calendar_days, mark_calendar_days, unmark_calendar_days
from tradehall.api.supervision.detail import get_supervised_order
from tradehall.api.supervision.disputes import count_disputes, list_disputes
from tradehall.api.supervision.files import download_file, hand_in_file, take_file_back
from tradehall.api.supervision.lists import count_supervised_orders, list_flows, list_my_turns, list_supervised_orders
from tradehall.api.supervision.message_files import (
    download_message_file,
    list_case_drafts,
    take_message_file_back,
    upload_message_file,
)
from tradehall.api.supervision.message_templates import list_offered_templates, templates_router
from tradehall.api.supervision.messages import (
    count_unread_case_messages,
    list_case_messages,
    read_case_messages,
    send_case_message,
)
from tradehall.api.supervision.reminders import get_reminders, urge_other_side
from tradehall.api.supervision.statistics import get_supervision_statistics

__all__ = ["router", "templates_router"]

router = Router(
    "/supervision",
    route_handlers=[
        list_supervised_orders,
        list_my_turns,
        count_supervised_orders,
        list_flows,
        list_disputes,
        count_disputes,
        list_calendar_days,
        mark_calendar_days,
        unmark_calendar_days,
        get_supervised_order,
        act_on_order,
        save_draft,
        reveal_secrets,
        hand_in_file,
        take_file_back,
        download_file,
        list_case_messages,
        send_case_message,
        read_case_messages,
        count_unread_case_messages,
        list_case_drafts,
        upload_message_file,
        take_message_file_back,
        download_message_file,
        get_reminders,
        urge_other_side,
        list_offered_templates,
        get_supervision_statistics,
    ],
    tags=["Service supervision"],
)
