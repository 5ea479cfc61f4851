"""The `ivr` command: registers the commands, and turns mistakes into one readable line and exit code 2."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import typer

from ivr import __version__
from ivr.errors import IvrError, MenuError, ProblemsError, SettingsError

COMMANDS = {
    "init": "init:init",
    "serve": "serve:serve",
    "check": "check:check",
    "schema": "schema:schema",
    "outline": "outline:outline",
    "graph": "graph:graph",
    "diff": "diff:diff",
    "talk": "talk:talk",
    "simulate": "simulate:simulate",
    "import": "importing:import_",
    "publish": "publish:publish",
    "versions": "publish:versions",
    "rollback": "publish:rollback",
    "agent": "agent:agent",
    "call": "call:call",
    "ici": "ici:ici_app",
    "customers": "customers:customers_app",
    "calls": "calls:calls_app",
    "sip-trace": "sip_trace:sip_trace",
    "status": "status:status",
    "prompts": "prompts:prompts_app",
}
"""Where each command is, below `ivr.cli`. Only the one that is wanted is imported: a start should not wait for
the libraries of all others."""


def application(names: Iterable[str] = tuple(COMMANDS)) -> typer.Typer:
    """The command with these subcommands."""
    app = typer.Typer(
        name="ivr",
        help="A voice-response engine with agent handoff: answers calls, runs menus, hands over to people.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(f"ivr.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    app.callback()(_options)
    _fold(app)
    return app


def __getattr__(name: str) -> Any:
    """`app`: the whole command, made when somebody asks for it."""
    if name == "app":
        return application()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _fold(group: typer.Typer) -> None:
    """Make each paragraph of help one line: typer keeps a docstring's line ends, and the terminal folds again."""
    for command in group.registered_commands:
        if command.callback is not None and command.callback.__doc__:
            paragraphs = inspect.cleandoc(command.callback.__doc__).split("\n\n")
            command.callback.__doc__ = "\n\n".join(" ".join(one.split()) for one in paragraphs)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _fold(inner.typer_instance)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ivr {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    """A voice-response engine with agent handoff: answers calls, runs menus, hands over to people."""


def main() -> None:
    """Entry point. Exit code 2 with one readable line for everything a person can put right."""
    wanted = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    try:
        application([wanted] if wanted in COMMANDS else COMMANDS)()
    except ProblemsError as error:
        first, *others = error.problems
        names = "ivr check" if isinstance(error, SettingsError | MenuError) else "ivr prompts build"
        more = f" (and {len(others)} more; `{names}` names them all)" if others else ""
        print(f"ivr: {first}{more}", file=sys.stderr)
        sys.exit(2)
    except IvrError as error:
        print(f"ivr: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        sys.stderr.close()
        sys.exit(141)


if __name__ == "__main__":
    main()
