"""The flow on one screen; README and `pointsman topology` show this text."""

from typing import Final

FLOW: Final = """\
services ──► requests ──► [router] ──► classifications, router-journal
clients  ──► overrides,   exactly-once ├─► decisions ─────► [executor] ──► provider-calls ──► (back to the router:
             outcomes     processor    ├─► ledger            calls      │                       settle, final result)
                            ▲  ▲       ├─► results           providers  ├─► result-chunks ──► live tokens
           config ──────────┘  │       └─► outcomes.technical           └─► provider-health ──► routers
                               └── preferences, model-stats ◄── [feedback] ◄── overrides, outcomes, provider-calls
all but result-chunks and router-state ──► [recorder] ──► ClickHouse ──► SQL, reports"""
