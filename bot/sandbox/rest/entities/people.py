"""Users, tokens, members."""

from bot.sandbox.answers import Json
from bot.sandbox.world.clock import stamp, stamp_or_none
from bot.sandbox.world.people import Level, Token, User
from bot.sandbox.world.world import World


def user_basic(world: World, user: User) -> Json:
    """API::Entities::UserBasic."""
    return {
        "id": user.id,
        "username": user.username,
        "public_email": user.public_email,
        "name": user.name,
        "state": user.state,
        "locked": False,
        "avatar_url": f"{world.url}/uploads/-/system/user/avatar/{user.id}/avatar.png",
        "web_url": f"{world.url}/{user.username}",
    }


def user_or_none(world: World, user: User | None) -> Json | None:
    """`user_basic`, or null."""
    return None if user is None else user_basic(world, user)


def user_public(world: World, user: User, *, addresses: bool) -> Json:
    """API::Entities::User; admins see the addresses, too (API::Entities::UserDetailsWithAdmin)."""
    shown: Json = user_basic(world, user) | {"created_at": stamp(user.created_at), "bio": "", "bot": user.bot}
    return shown | ({"email": user.email, "commit_email": user.email} if addresses else {})


def current_user(world: World, user: User) -> Json:
    """API::Entities::UserPublic, with `is_admin` for admins."""
    shown: Json = user_basic(world, user) | {
        "created_at": stamp(user.created_at),
        "bio": "",
        "location": "",
        "linkedin": "",
        "twitter": "",
        "discord": "",
        "website_url": "",
        "github": "",
        "job_title": "",
        "pronouns": None,
        "organization": "",
        "bot": user.bot,
        "work_information": None,
        "local_time": None,
        "last_sign_in_at": None,
        "confirmed_at": stamp(user.created_at),
        "last_activity_on": None,
        "email": user.email,
        "theme_id": 3,
        "color_scheme_id": 1,
        "projects_limit": 100000,
        "current_sign_in_at": None,
        "identities": [],
        "can_create_group": True,
        "can_create_project": True,
        "two_factor_enabled": False,
        "external": False,
        "private_profile": False,
        "commit_email": user.email,
    }
    if user.admin:
        shown |= {"is_admin": True, "note": None, "namespace_id": user.id}
    return shown


def token_details(world: World, token: Token) -> Json:
    """API::Entities::PersonalAccessToken."""
    return {
        "id": token.id,
        "name": token.name,
        "revoked": token.revoked,
        "created_at": stamp(token.created_at),
        "description": token.description,
        "scopes": sorted(token.scopes),
        "user_id": token.user.id if token.user else None,
        "last_used_at": stamp_or_none(token.last_used_at),
        "last_used_ips": [],
        "active": token.active(world.clock.now().date()),
        "granular": False,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }


def member(world: World, user: User, level: Level) -> Json:
    """API::Entities::Member."""
    return user_basic(world, user) | {
        "access_level": int(level),
        "created_at": stamp(user.created_at),
        "expires_at": None,
        "membership_state": "active",
    }
