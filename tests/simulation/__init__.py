"""A town in which what always holds (DESIGN section 4) is watched while everything goes wrong.

The real store, journey, application, inbox worker, channel and sender serve citizens who are drawn from a seed, against
the sandbox's core, on a clock that moves by itself. `model` is written from the text of DESIGN and knows nothing of how
the bot decides.

| module | what it is |
|---|---|
| `town` | the queue of events, and the machine that serves them |
| `people`, `municipality`, `newsroom` | who does what |
| `model`, `citizen`, `cards` | what may be, by DESIGN, by what was said, by the municipality's own files |
| `witness` | what the ledger says, held against the model |
| `faults`, `wire`, `machine`, `clock` | what goes wrong, and what it goes wrong with |
| `run` | towns from seeds, one or many |
| `broken` | invariants broken on purpose, which the world has to notice |
"""
