"""The outgoing messages: queued, leased, let go with their intent committed, closed with what became of them.

A message is handed out for sending once in its life. What is in flight when the process dies is *uncertain* and is
never sent again; what had not begun to leave goes back to *due*.
"""

from bot.outbox.leasing import FLIGHT, LEASE, PAUSE_ALL, PAUSE_NUDGES, SENDS_FOR, is_sender, lease, resign, sweep
from bot.outbox.leaving import let_go
from bot.outbox.parts import Delivered, Document, Label, Leased, Outgoing, Result, Undelivered
from bot.outbox.queueing import FAREWELL, TEST, TEST_PRESS, labels, nudge_of, phrased, queue_notice, queue_reply
from bot.outbox.settling import leave, proven, settle

__all__ = [
    "FAREWELL",
    "FLIGHT",
    "LEASE",
    "PAUSE_ALL",
    "PAUSE_NUDGES",
    "SENDS_FOR",
    "TEST",
    "TEST_PRESS",
    "Delivered",
    "Document",
    "Label",
    "Leased",
    "Outgoing",
    "Result",
    "Undelivered",
    "is_sender",
    "labels",
    "lease",
    "leave",
    "let_go",
    "nudge_of",
    "phrased",
    "proven",
    "queue_notice",
    "queue_reply",
    "resign",
    "settle",
    "sweep",
]
