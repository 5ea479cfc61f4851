"""Settings: what can be set, and reading it."""

from ivr.config.load import load_settings
from ivr.config.settings import (
    Account,
    AgentSettings,
    CallbackLogin,
    GuardSettings,
    HostPort,
    HttpSettings,
    IciSettings,
    LogSettings,
    MediaSettings,
    MenuSettings,
    PresenceSettings,
    RecordingSettings,
    RoutingSettings,
    Settings,
    SipSettings,
    SpeechSettings,
    StoreSettings,
    TraceSettings,
    Trunk,
)
from ivr.config.settings_file import SettingsFile, settings_file
from ivr.config.shipped import shipped

__all__ = [
    "Account",
    "AgentSettings",
    "CallbackLogin",
    "GuardSettings",
    "HostPort",
    "HttpSettings",
    "IciSettings",
    "LogSettings",
    "MediaSettings",
    "MenuSettings",
    "PresenceSettings",
    "RecordingSettings",
    "RoutingSettings",
    "Settings",
    "SettingsFile",
    "SipSettings",
    "SpeechSettings",
    "StoreSettings",
    "TraceSettings",
    "Trunk",
    "load_settings",
    "settings_file",
    "shipped",
]
