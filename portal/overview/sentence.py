"""Write the sentence that begins the overview: the most important thing, and nothing untrue."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.overview.parts import Harm, Need, Tally
from portal.records.health import Word, listed, up_to

WORDS: dict[Harm, Word] = {
    Harm.LEAKED: "failing",
    Harm.FAILING: "failing",
    Harm.ATTENTION: "attention",
    Harm.HELD: "held",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """Sentence about what matters most, with its word. `rest` is the second sentence."""

    status: Word
    text: str
    rest: str = ""


def written(
    needs: Sequence[Need], tallies: Sequence[Tally], clear: Sequence[str], *, is_used: bool
) -> Sentence:
    """Return the sentence for what was found. `needs` and `tallies` begin with the worst."""
    if not tallies:
        return _well(clear) if is_used else Sentence("not_tried", "Nothing is set up yet.")
    word = WORDS[tallies[0].harm]
    worst = [one for one in tallies if WORDS[one.harm] == word]
    others = sum(one.number for one in tallies if WORDS[one.harm] != word)
    rest = "Nothing else needs you."
    if others:
        rest = f"{up_to(100, others)} more {'needs' if others == 1 else 'need'} a look."
    if len(worst) == 1 and worst[0].number == 1 and needs and WORDS[needs[0].harm] == word:
        return Sentence(word, f"{needs[0].title}: {_begun_small(needs[0].text)}", rest)
    return Sentence(word, f"{listed([counted(one) for one in worst])}.", rest)


def counted(tally: Tally) -> str:
    """Return “1 webhook fails”, or “100+ webhooks fail”."""
    return f"{up_to(tally.most, tally.number)} {tally.one if tally.number == 1 else tally.many}"


def _well(clear: Sequence[str]) -> Sentence:
    said = listed(clear)
    return Sentence("works", "All clear.", f"{said[:1].upper()}{said[1:]}." if said else "")


def _begun_small(text: str) -> str:
    is_word = text[:2].istitle() or text[1:2] == " "  # and not “TLS …”
    return text[:1].lower() + text[1:] if is_word else text
