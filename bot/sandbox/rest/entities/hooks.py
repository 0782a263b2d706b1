"""Hooks and their deliveries. Secrets, custom headers included, show only that they are set."""

import json

from bot.sandbox.answers import Json
from bot.sandbox.world.clock import stamp, stamp_or_none
from bot.sandbox.world.settings import GROUP_HOOK_EVENTS, HOOK_EVENTS, SYSTEM_HOOK_EVENTS, Delivery, Hook


def hook(one: Hook, alert_status: str) -> Json:
    """API::Entities::ProjectHook, GroupHook, or Hook for a system hook."""
    shown: Json = {
        "id": one.id,
        "url": one.url,
        "name": one.name,
        "description": one.description,
        "created_at": stamp(one.created_at),
        "alert_status": alert_status,
        "disabled_until": stamp_or_none(one.disabled_until),
        "enable_ssl_verification": one.enable_ssl_verification,
        "url_variables": [],
        "custom_headers": [{"key": name} for name in one.custom_headers],
        "custom_webhook_template": None,
        "push_events_branch_filter": one.push_events_branch_filter,
        "branch_filter_strategy": one.branch_filter_strategy,
        "token_present": bool(one.token),
        "signing_token_present": bool(one.signing_token),
    }
    for name in events_of(one):
        shown[name] = one.events.get(name, False)
    if one.project_id is not None:
        shown["project_id"] = one.project_id
    if one.group_id is not None:
        shown["group_id"] = one.group_id
    return shown


def events_of(one: Hook) -> tuple[str, ...]:
    """The triggers a hook of this kind can have."""
    if one.system:
        return SYSTEM_HOOK_EVENTS
    return HOOK_EVENTS if one.group_id is None else GROUP_HOOK_EVENTS


def delivery(one: Delivery) -> Json:
    """API::Entities::WebHookLog: one line of `…/hooks/:id/events`."""
    return {
        "id": one.id,
        "url": one.url,
        "trigger": one.trigger.replace("_events", "_hooks"),
        "request_headers": dict(one.request_headers),
        "request_data": json.loads(one.body),
        "response_headers": dict(one.response_headers),
        "response_body": one.response_body,
        "execution_duration": one.execution_duration,
        "response_status": one.response_status,
        "created_at": stamp(one.created_at),
    }
