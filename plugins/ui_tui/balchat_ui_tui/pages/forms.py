"""A page that is a form: fields with labels, a button that sends them off, and what is wrong with them."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from balchat_ui_tui.pages.actions import Pressed, Submitted, Typed
from balchat_ui_tui.pages.page import Page
from balchat_ui_tui.pages.tick import Tick

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: its name, and the keys of its texts. `watched`: each change of it is told to the state."""

    name: str
    label: str
    placeholder: str = ""
    secret: bool = False
    value: str = ""
    watched: bool = False
    limit: int = 4096


class FormPage(Page[S], Generic[S]):
    """A page with fields. Enter goes to the next one, and sends the form off from the last one; Space ticks a box."""

    SUBMIT: ClassVar[str] = "common.save"
    """The key of the button's text."""
    DEFAULT_CSS = """
    FormPage .form { height: auto; max-width: 72; }
    FormPage Label { width: 100%; height: auto; margin: 1 0 0 0; color: $foreground 80%; }
    FormPage Input { border: none; height: 1; padding: 0 1; background: $boost; }
    FormPage Input:focus { background: $surface-lighten-2; border: none; }
    FormPage Tick { margin: 1 0 0 0; }
    FormPage Button { margin: 1 0 0 0; width: auto; min-width: 12; }
    FormPage .form-text { margin: 0 0 0 0; height: auto; }
    FormPage .form-problem { color: $text-error; height: auto; margin: 1 0 0 0; }
    FormPage .form-note { color: $foreground 60%; height: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority for the reason that Tab has: what is typed next goes to the next field.
        Binding("enter", "next_field", show=False, priority=True),
        Binding("enter", "submit", show=False),
    ]

    _waited = False

    @abstractmethod
    def fields(self) -> Sequence[Field]:
        """Return the fields, in their order."""

    def text(self) -> str | Content:
        """Return what stands above the fields, empty for nothing."""
        return ""

    def note(self) -> str:
        """Return what stands below the fields, empty for nothing."""
        return ""

    def problem(self) -> str | None:
        """Return what is wrong, None for nothing."""
        return None

    def waiting(self) -> bool:
        """Return whether an answer is awaited."""
        return False

    def switches(self) -> Mapping[str, str]:
        """Return what can be ticked: names, and the keys of their texts."""
        return {}

    def compose_body(self) -> Iterable[Widget]:
        """Put the form together."""
        t = self.tui.t
        with Vertical(classes="form"):
            yield Static(classes="form-text", markup=False)
            for field in self.fields():
                yield Label(t(field.label), markup=False)
                placeholder = t(field.placeholder) if field.placeholder else ""
                yield Input(
                    field.value,
                    placeholder=placeholder,
                    password=field.secret,
                    id=f"field-{field.name}",
                    max_length=field.limit,
                )
            for name, label in self.switches().items():
                yield Tick(Content(t(label)), id=f"switch-{name}")
            yield Static(classes="form-note", markup=False)
            yield Static(classes="form-problem", markup=False)
            yield Button(Content(t(self.SUBMIT)), variant="primary", id="submit", compact=True)

    def draw(self, before: S | None) -> None:
        """Show what the state says."""
        del before
        for name, said in (("text", self.text()), ("note", self.note()), ("problem", self.problem() or "")):
            shown = self.query_one(f".form-{name}", Static)
            shown.display = bool(said)
            shown.update(said if isinstance(said, Content) else Content(said))
        waits = self.waiting()
        self.query_one("#submit", Button).disabled = waits
        for each in self.query(Input):
            each.disabled = waits
        if self._waited and not waits:
            next(iter(self.query(Input))).focus()
        self._waited = waits

    def values(self) -> Mapping[str, str]:
        """Return what stands in the fields; of a switch `yes`, or nothing."""
        typed = {field.name: self.query_one(f"#field-{field.name}", Input).value for field in self.fields()}
        ticked = {name: "yes" if self.query_one(f"#switch-{name}", Tick).value else "" for name in self.switches()}
        return typed | ticked

    def empty(self, name: str) -> None:
        """Empty a field after a secret that was wrong, and give it the keyboard."""
        field = self.query_one(f"#field-{name}", Input)
        field.value = ""
        field.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key does something now: Enter goes on from a field only where one follows."""
        return self._next_field() is not None if action == "next_field" else super().check_action(action, parameters)

    def _next_field(self) -> Input | None:
        inputs = list(self.query(Input))
        place = inputs.index(self.focused) if isinstance(self.focused, Input) else len(inputs)
        return inputs[place + 1] if place + 1 < len(inputs) else None

    def action_next_field(self) -> None:
        """Go to the next field."""
        # At once: `Widget.focus` waits for a turn of the program.
        self.set_focus(self._next_field())

    def action_submit(self) -> None:
        """Send the form off."""
        self.dispatch(Submitted(self.values()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send the form off from its last field."""
        event.stop()
        self.action_submit()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the state of a field that it watches."""
        event.stop()
        name = (event.input.id or "").removeprefix("field-")
        if any(field.name == name and field.watched for field in self.fields()):
            self.dispatch(Typed(name, event.value))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Send the form off, or do what another button stands for."""
        event.stop()
        if event.button.id == "submit":
            self.action_submit()
        else:
            self.dispatch(Pressed(event.button.id or ""))
