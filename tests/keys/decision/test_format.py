"""The format of a raw key, as a property of every key."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from portal.core.key_shape import ALPHABET, checksum, is_well_formed
from portal.identity.models import KEY_CODE
from portal.keys.decision import format as key_format
from portal.keys.decision.format import generate

KINDS = st.sampled_from(sorted(key_format.KIND_LETTERS))
CODES = st.text(string.ascii_lowercase + string.digits, min_size=4, max_size=4)
LOG_LINE = re.compile(r"(?<![A-Za-z0-9])sk-[a-z0-9]{4}-[usv][0-9A-Za-z]{38}(?![A-Za-z0-9])")


@given(CODES, KINDS)
def test_every_key_has_the_published_shape(code, kind):
    assert KEY_CODE.fullmatch(code)
    key = generate(code, kind)
    assert LOG_LINE.fullmatch(key.text)
    assert len(key.text) == 47
    assert is_well_formed(key.text)
    assert key.prefix == f"sk-{code}-"
    assert key.key_prefix == key.text[:12]
    assert key.text[8] == key_format.KIND_LETTERS[kind]
    assert key.text.endswith(key.last4)


@given(CODES, KINDS, st.integers(0, 46), st.characters(codec="ascii"))
def test_one_wrong_character_is_always_noticed(code, kind, place, character):
    text = generate(code, kind).text
    changed = text[:place] + character + text[place + 1 :]
    assert is_well_formed(changed) == (changed == text)


@given(CODES, KINDS, st.integers(0, 45))
def test_two_swapped_neighbours_are_always_noticed(code, kind, place):
    text = generate(code, kind).text
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert is_well_formed(swapped) == (swapped == text)


@given(st.text(max_size=60))
def test_no_text_upsets_the_check(text):
    assert not is_well_formed(text)
    assert not is_well_formed("sk-acme-s" + text)


@given(st.text(ALPHABET, max_size=60))
def test_the_checksum_is_six_characters_of_the_alphabet(text):
    assert re.fullmatch(r"[0-9A-Za-z]{6}", checksum(text))


def test_the_checksum_is_the_crc32_that_scanners_compute():
    # 0xCBF43926 is the published check value of CRC-32 for these nine digits.
    assert checksum("123456789") == base62(0xCBF43926).rjust(6, "0")


def base62(value: int) -> str:
    return base62(value // 62) + ALPHABET[value % 62] if value else ""


def test_a_key_hides_itself():
    key = generate("acme", "service")
    for shown in (repr(key), str(key), f"{key}", repr([key])):
        assert key.text not in shown
        assert key.text[12:-4] not in shown


def test_keys_do_not_repeat():
    made = [generate("acme", "user").text for _ in range(2000)]
    assert len({text[9:20] for text in made}) == 2000
