"""Commands about the account itself: init, restore, code, passphrase, recovery, backup."""

import os
import sys
from functools import partial
from pathlib import Path
from time import strftime
from typing import Annotated

import anyio
import typer

from balchat_host.api.errors import AccountExists, BadInput
from balchat_host.api.frontend import App
from balchat_host.api.spans import Span, Style
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_ui_cli.frame import ACCOUNT, MAX_FD, Run, command, new_group
from balchat_ui_cli.output import Line
from balchat_ui_cli.passphrases import SecretSource
from balchat_ui_cli.prompts import ask
from balchat_ui_cli.qr import show_qr
from balchat_ui_cli.session import one_error

_NOT_SHOWN = "The recovery code could not be shown and is lost: `balchat recovery renew` makes a new one."


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(
        app,
        "init",
        panel=ACCOUNT,
        unlocks=True,
        examples=["balchat init", "balchat init --name Alice --passphrase-file ~/.secret --json"],
    )(init)
    command(app, "code", panel=ACCOUNT, unlocks=True, examples=["balchat code", "balchat code --qr"])(code)
    command(app, "backup", panel=ACCOUNT, unlocks=True, examples=["balchat backup /media/stick/"])(backup)

    command(
        app,
        "restore",
        panel=ACCOUNT,
        unlocks=True,
        examples=[
            "balchat restore /media/stick/balchat-default-20260131-120300",
            "balchat restore --recovery-code /media/stick/balchat-default-20260131-120300",
        ],
    )(restore)

    passphrase = new_group()
    command(
        passphrase,
        "change",
        unlocks=True,
        examples=["balchat passphrase change", "balchat passphrase change --recovery-code"],
    )(change_passphrase)
    app.add_typer(passphrase, name="passphrase", help="Change the passphrase.", rich_help_panel=ACCOUNT)

    recovery = new_group()
    command(recovery, "renew", unlocks=True, examples=["balchat recovery renew"])(renew_recovery_code)
    app.add_typer(recovery, name="recovery", help="Make a new recovery code.", rich_help_panel=ACCOUNT)


def init(
    run: Run,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Your name, as others will see it.")] = None,
) -> None:
    """Make an account.

    Asks for your name, and for a passphrase twice; shows a recovery code, once.
    """
    if run.profile.exists():
        raise AccountExists(name=run.profile.name)
    if run.session.key.slot is SlotKind.RECOVERY_CODE:
        raise BadInput(what="--recovery-code", problem="an account has one only after it is made")
    # Before anything else is asked: who has typed a passphrase twice wants no more questions.
    chosen = run.profile.check_name(name if name is not None else _ask_name())

    def create(passphrase: Secret) -> Secret:
        with one_error():
            return anyio.run(run.profile.create, chosen, passphrase)

    code_of_new = run.session.key.source.use_new(lambda new: run.session.when_free(lambda: create(new)))
    recovery_code = code_of_new.reveal().decode()
    made = {
        "profile": run.profile.name,
        "directory": str(run.profile.directory),
        "name": chosen,
        "recovery_code": recovery_code,
    }
    run.out.value(
        made,
        lambda: [
            [f"The account of {chosen} is made, in {run.profile.directory}."],
            [],
            *_shown_once(recovery_code),
            [],
            ["Next: `balchat up` to be reachable, then `balchat code` for what others need."],
        ],
        done=f"The account of {chosen} is made, in {run.profile.directory}. {_NOT_SHOWN}",
    )


def _ask_name() -> str:
    if not sys.stdin.isatty():
        raise BadInput(what="The name", problem="there is no terminal to ask at; use --name")
    return ask("Your name, as others will see it")


def _shown_once(recovery_code: str) -> list[Line]:
    return [
        ["Recovery code, shown this once and kept nowhere:"],
        [],
        ["    ", Span(recovery_code, Style.STRONG)],
        [],
        ["It opens the account if the passphrase is ever forgotten. Write it on paper, and"],
        ["keep that where you keep a passport: whoever has the code and a copy of the"],
        ["vault reads everything."],
        ["`balchat recovery renew` makes a new one."],
    ]


def code(run: Run, qr: Annotated[bool, typer.Option("--qr", help="Draw it as a QR picture too.")] = False) -> None:
    """Show your chat code, which others need to write to you."""
    view = run.session.ask(lambda app: app.account.code())
    run.out.value(view, lambda: [[view.code]])
    if qr and not run.out.as_json:
        show_qr(run.out, view.code)


def backup(
    run: Run,
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A directory, or a path that does not exist yet.")],
) -> None:
    """Write a locked copy of the vault."""
    path = Path(os.path.abspath(target.expanduser()))  # noqa: PTH100  # resolve() would follow links that a person named
    if path.is_dir():
        path /= f"balchat-{run.profile.name}-{strftime('%Y%m%d-%H%M%S')}"

    async def copy(app: App) -> bool:
        await app.account.backup(str(path))
        return bool(await app.files.list(limit=1))

    has_files = run.session.ask(copy)
    written = f"The locked copy is {path}."
    run.out.value({"path": str(path), "files": False}, lambda: [[written]], done=written)
    if has_files:
        run.out.hint(["Files that were sent and received are not in it; `balchat files get` writes out those to keep."])


def restore(
    run: Run,
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="The locked copy, as `balchat backup` wrote it.")],
) -> None:
    """Make the account again from a backup.

    Asks for the passphrase, or with --recovery-code for the recovery code, that was good when the copy was made.
    """
    if run.profile.exists():
        raise AccountExists(name=run.profile.name)
    path = Path(os.path.abspath(source.expanduser()))  # noqa: PTH100  # resolve() would follow links that a person named
    if not path.is_dir():
        raise BadInput(what=str(path), problem="there is no such folder; a backup is a folder")
    run.session.unlocking(lambda secret: run.session.when_free(partial(_restore, run, path, secret)))
    restored = {"profile": run.profile.name, "directory": str(run.profile.directory)}
    run.out.value(
        restored,
        lambda: [
            [f"The account is restored, in {run.profile.directory}."],
            [],
            ["Next: `balchat up`. Contacts are asked again, one after the other, and accept by"],
            ["themselves; until then what you write to one waits. What came after the copy was"],
            ["made is not in it."],
            ["Use this account here only: up on two machines, a message reaches one of them"],
            ["and not the other."],
        ],
        done=f"The account is restored, in {run.profile.directory}.",
    )


def _restore(run: Run, source: Path, secret: Secret) -> None:
    with one_error():
        anyio.run(run.profile.restore, source, secret, run.session.key.slot)


def change_passphrase(
    run: Run,
    new_passphrase_fd: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=MAX_FD, help="Read the new one's line from descriptor N.")
    ] = None,
    new_passphrase_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read it from a file that others cannot write.")
    ] = None,
) -> None:
    """Change the passphrase."""
    run.session.require_account()
    old = run.session.key.source.read()
    source = SecretSource("New passphrase", new_passphrase_fd, new_passphrase_file, "--new-passphrase", run.out.warn)
    source.use_new(lambda new: run.session.ask_with(old, lambda app: app.account.change_passphrase(old, new)))
    changed = "The passphrase is changed."
    run.out.value({"changed": True}, lambda: [[changed]], done=changed)


def renew_recovery_code(run: Run) -> None:
    """Make a new recovery code and show it, once.

    The old one stops working.
    """
    run.session.require_account()
    if run.session.key.slot is SlotKind.RECOVERY_CODE:
        problem = "a new one needs the passphrase; with the old one, `balchat passphrase change` sets that first"
        raise BadInput(what="--recovery-code", problem=problem)

    def renew(passphrase: Secret) -> str:
        return (
            run.session.ask_with(passphrase, lambda app: app.account.renew_recovery_code(passphrase)).reveal().decode()
        )

    recovery_code = run.session.unlocking(renew)
    done = f"The old recovery code works no more. {_NOT_SHOWN}"
    run.out.value({"recovery_code": recovery_code}, lambda: _shown_once(recovery_code), done=done)
