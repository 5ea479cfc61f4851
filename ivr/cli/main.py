"""The `ivr` command: registers the commands, and turns mistakes into one readable line and exit code 2."""

from __future__ import annotations

import inspect
import sys

import typer

from ivr import __version__
from ivr.cli.agent import agent
from ivr.cli.call import call
from ivr.cli.calls import calls_app
from ivr.cli.check import check
from ivr.cli.customers import customers_app
from ivr.cli.diff import diff
from ivr.cli.graph import graph
from ivr.cli.importing import import_
from ivr.cli.outline import outline
from ivr.cli.prompts import prompts_app
from ivr.cli.publish import publish, rollback, versions
from ivr.cli.schema import schema
from ivr.cli.serve import serve
from ivr.cli.talk import talk
from ivr.errors import IvrError, MenuError, ProblemsError, SettingsError

app = typer.Typer(
    name="ivr",
    help="A voice-response engine with agent handoff: answers calls, runs menus, hands over to people.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve)
app.command("check")(check)
app.command("schema")(schema)
app.command("outline")(outline)
app.command("graph")(graph)
app.command("diff")(diff)
app.command("talk")(talk)
app.command("import")(import_)
app.command("publish")(publish)
app.command("versions")(versions)
app.command("rollback")(rollback)
app.command("agent")(agent)
app.command("call")(call)
app.add_typer(customers_app, name="customers")
app.add_typer(calls_app, name="calls")
app.add_typer(prompts_app, name="prompts")


def _fold(group: typer.Typer) -> None:
    """Make each paragraph of help one line: typer keeps a docstring's line ends, and the terminal folds again."""
    for command in group.registered_commands:
        if command.callback is not None and command.callback.__doc__:
            paragraphs = inspect.cleandoc(command.callback.__doc__).split("\n\n")
            command.callback.__doc__ = "\n\n".join(" ".join(one.split()) for one in paragraphs)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _fold(inner.typer_instance)


_fold(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ivr {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    """A voice-response engine with agent handoff: answers calls, runs menus, hands over to people."""


def main() -> None:
    """Entry point. Exit code 2 with one readable line for everything a person can put right."""
    try:
        app()
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
