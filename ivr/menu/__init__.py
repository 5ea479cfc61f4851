"""The menu language and the conversation as a pure state machine."""
