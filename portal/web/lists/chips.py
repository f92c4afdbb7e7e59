"""Draw the filters of a list as chips, and the form that edits one of them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from portal.records.listing import How, moment_of, stem, values_of
from portal.web.drawing.template_functions import to_field
from portal.web.lists.list_request import ListRequest
from portal.web.lists.tables import DELETED, SINCE, SPANS, Table

WORDS: Mapping[How, str] = {
    "is": "is", "not": "is not", "contains": "contains",
    "empty": "is empty", "after": "after", "before": "before",
}  # fmt: skip
OF_SEVERAL: Mapping[How, str] = {"is": "is any of", "not": "is none of"}
WITHIN = "within the last"
YES_NO = (("true", "yes"), ("false", "no"))
MOST_NAMED = 3
AFTER_REMOVAL = "#filter-add"  # where the focus goes


@dataclass(frozen=True, slots=True)
class Offer:
    """The values of fields that people know by other names, such as ids of records.

    `read` returns (value, text) of some, and of those that it is given, with one statement. Fields
    that mean the same kind of record share `read`. If the offer `is_whole`, one chooses among them;
    otherwise another value can be typed.
    """

    read: Callable[[Collection[str]], Sequence[tuple[str, str]]]
    is_whole: bool = True


Offered = Mapping[str, Offer]


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter of a list in words, with the addresses that change and remove it."""

    parameter: str
    label: str
    how: str
    value: str
    edit_url: str
    remove_url: str

    @property
    def words(self) -> str:
        """Return the filter as one text."""
        return " ".join(filter(None, (self.label, self.how, self.value)))


@dataclass(frozen=True, slots=True)
class Editor:
    """The form of one filter: `kind` is choices, choice, moment or text.

    `may_join` tells whether it can be enough on its own, and `joins` whether it is.
    """

    parameter: str
    label: str
    kind: str
    options: Sequence[tuple[str, str]]
    chosen: Sequence[str]
    takes_several: bool
    may_join: bool
    joins: bool
    others: str
    """The other parameters of `either`."""


@dataclass(frozen=True)
class Filters:
    """The filters of a page, all of which must match, and those of which one is enough."""

    every: Sequence[Chip]
    either: Sequence[Chip]
    editor: Editor | None


def filters(asked: ListRequest, offered: Offered) -> Filters:
    """Return the chips of a page's query, and the editor of one of them if it is open."""
    known: dict[Any, Sequence[tuple[str, str]]] = {}

    def texts(name: str) -> Sequence[tuple[str, str]]:
        if (offer := offered.get(name)) is None:
            return _choices(asked.table, name)
        if offer.read not in known:
            fields = {field for field, other in offered.items() if other.read is offer.read}
            known[offer.read] = offer.read(_values_of(asked, fields))
        return known[offer.read]

    chips = [_chip(asked, name, texts) for name in _given(asked)]
    group = {clause.parameter for clause in asked.query.either}
    return Filters(
        every=[chip for chip in chips if chip.parameter not in group],
        either=[chip for chip in chips if chip.parameter in group],
        editor=_editor(asked, texts, offered) if asked.editing else None,
    )


Texts = Callable[[str], Sequence[tuple[str, str]]]


def _given(asked: ListRequest) -> Iterator[str]:
    for name in asked.table.filters:
        if asked.args.get(name):
            yield name


def _values_of(asked: ListRequest, fields: Collection[str]) -> set[str]:
    """Return the values that these fields are compared with."""
    found: set[str] = set()
    for parameter in _given(asked):
        name, how = _meaning(asked.table, parameter)
        if name in fields and how in ("is", "not"):
            found.update(values_of(asked.table.listing, parameter, asked.args[parameter]))
    return found


def _chip(asked: ListRequest, parameter: str, texts: Texts) -> Chip:
    name, how = _meaning(asked.table, parameter)
    text = asked.args[parameter]
    several = how in OF_SEVERAL
    values = values_of(asked.table.listing, parameter, text) if several else (text,)
    words = OF_SEVERAL.get(how, WORDS[how]) if len(values) > 1 else WORDS[how]
    if how == "empty":
        words, value = ("is empty" if text == "true" else "has a value"), ""
    elif parameter == DELETED:
        words, value = ("are shown too" if text == "true" else "are hidden"), ""
    elif how in ("after", "before"):
        value = _moment(asked, parameter).replace("T", ", ") + " UTC"
    elif parameter == SINCE:
        words, value = WITHIN, SPANS[text][1]
    elif how == "contains":
        value = text
    elif len(values) > MOST_NAMED:
        value = f"{len(values)} values"
    else:
        known = dict(texts(name))
        value = " or ".join(known.get(one, one) for one in values)
    others = [one for one in asked.args.get("either", "").split(",") if one != parameter]
    left = {parameter: None, "either": ",".join(others)}
    return Chip(
        parameter,
        _label(asked.table, name),
        words,
        value,
        asked.url(filter=parameter) + "#filter-edit",
        asked.url(**left) + AFTER_REMOVAL,
    )


def _meaning(table: Table, parameter: str) -> tuple[str, How]:
    return table.listing.comparisons.get(parameter, (parameter, "is"))


def _label(table: Table, name: str) -> str:
    """Return what people call a field; a time goes without its “at”."""
    if name == DELETED:
        return "Deleted records"
    if name == SINCE:
        name = table.since
    return table.label(stem(name) if name in table.listing.ranges else name)


def _choices(table: Table, name: str) -> Sequence[tuple[str, str]]:
    if table.listing.is_switch(name) or name == DELETED:
        return YES_NO
    if name == SINCE:
        return [(value, words) for value, (_, words) in SPANS.items()]
    return [(value, value.replace("_", " ")) for value in table.listing.choices.get(name, ())]


def _editor(asked: ListRequest, texts: Texts, offered: Offered) -> Editor:
    table, parameter = asked.table, asked.editing
    name, how = _meaning(table, parameter)
    several = how in ("is", "not") and table.listing.takes_several(name)
    given = asked.args.get(parameter, "")
    options: Sequence[tuple[str, str]] = ()
    if how == "empty":
        options = [("true", "is empty"), ("false", "has a value")]
    elif how in ("is", "not") and (name not in offered or offered[name].is_whole):
        options = texts(name)
    if how in ("after", "before"):
        kind, given = "moment", _moment(asked, parameter)
    else:
        kind = ("choices" if several else "choice") if options else "text"
    joined = [one for one in asked.args.get("either", "").split(",") if one]
    words = _option_words(table, name, how)
    return Editor(
        parameter,
        words,
        kind,
        options,
        values_of(table.listing, parameter, given) if several and given else [given],
        several,
        parameter in table.listing.comparisons,
        parameter in joined,
        ",".join(one for one in joined if one != parameter),
    )


def _moment(asked: ListRequest, parameter: str) -> str:
    """Return a time of the address in UTC, as a field for times shows it; an empty text if it is
    not given."""
    at = moment_of(asked.args, parameter)
    return to_field(at) if at else ""


def _option_words(table: Table, name: str, how: How) -> str:
    label = _label(table, name)
    if name == DELETED:
        return f"{label} are shown"
    return f"{label} {WITHIN if name == SINCE else WORDS[how]}"


_drawn: dict[str, Markup] = {}
"""The options of each list; they are the same for everybody."""


def options(table: Table) -> Markup:
    """Return the options of the select element that adds a filter: one for each comparison."""
    if table.name not in _drawn:
        _drawn[table.name] = _draw_options(table)
    return _drawn[table.name]


def _draw_options(table: Table) -> Markup:
    found = [
        (_label(table, name), parameter, _option_words(table, name, how))
        for parameter, (name, how) in table.listing.comparisons.items()
    ]
    found += [(_label(table, one), one, _option_words(table, one, "is")) for one in table.besides]
    drawn, group = "", ""
    for label, parameter, words in sorted(found, key=lambda one: one[0].lower()):
        if label != group:
            drawn += ("</optgroup>" if group else "") + f'<optgroup label="{escape(label)}">'
            group = label
        drawn += f'<option value="{escape(parameter)}">{escape(words)}</option>'
    return Markup(drawn + "</optgroup>")  # noqa: S704 - every text is escaped above
