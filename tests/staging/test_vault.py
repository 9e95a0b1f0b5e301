"""Values of people in the staging database: unreadable without the key, and comparable all the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm2odoo.staging.vault import Vault, VaultClosed, holds_token, new_key

VAULT = Vault.of(new_key(), "crm2odoo_key")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(TEXTS, TEXTS, TEXTS)
def test_what_is_sealed_comes_back_wherever_it_was_put(value: str, before: str, after: str) -> None:
    token = VAULT.seal(value)
    assert holds_token(token)
    assert (len(value) < 3 or value not in token)
    if not holds_token(before) and not holds_token(after):
        assert VAULT.unseal(f"{before}{token}{after}") == f"{before}{value}{after}"


def test_equal_values_stay_equal_and_others_do_not() -> None:
    assert VAULT.seal("Ann") == VAULT.seal("Ann") != VAULT.seal("ann")


def test_plain_text_becomes_html_where_odoo_wants_html() -> None:
    token = VAULT.seal("2 < 3\nyes")
    assert VAULT.unseal(f"<p>{token}</p>", as_html=True) == "<p>2 &lt; 3<br>yes</p>"
    assert VAULT.unseal(VAULT.seal("<b>bold</b>"), as_html=True) == "<b>bold</b>"


def test_another_key_reads_nothing_and_says_which_key_it_was() -> None:
    other = Vault.of(new_key(), "the_other_key")
    with pytest.raises(VaultClosed, match="cannot be read with the key of the connection 'the_other_key'"):
        other.unseal(VAULT.seal("secret"))
    with pytest.raises(VaultClosed, match="this project has no key"):
        Vault().seal("secret")


@pytest.mark.parametrize("key", ["", "short", "bm90IGxvbmcgZW5vdWdo", "!" * 88])
def test_what_is_no_key_is_refused_with_the_command_that_makes_one(key: str) -> None:
    with pytest.raises(VaultClosed, match="new_key"):
        Vault.of(key, "crm2odoo_key")


def test_the_key_is_in_no_representation() -> None:
    key = new_key()
    assert key not in repr(Vault.of(key, "k"))
    assert "key=" not in repr(Vault.of(key, "k"))


def test_a_message_of_odoo_loses_the_values_that_it_quotes() -> None:
    vals = {"comment": VAULT.seal("HIV positive"), "name": "Ann"}
    assert VAULT.without_values("wrong value 'HIV positive' for Ann", [vals]) == "wrong value '(encrypted)' for Ann"


def test_what_odoo_holds_is_kept_sealed_beside_a_sealed_value() -> None:
    known = VAULT.seal("Ann is well")
    assert VAULT.as_known(known, "Ann is well", str.__eq__) == known
    changed = VAULT.as_known(known, "Ann is ill", str.__eq__)
    assert changed != known
    assert VAULT.unseal(changed) == "Ann is ill"
    assert VAULT.as_known("open", "Ann is ill", str.__eq__) == "Ann is ill"
