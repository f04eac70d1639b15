"""The replicated log: every statement that changes the database, numbered, in the table and columns oned has for it.

oned stores SQL, deflated; here a record is the JSON of a statement and its values. Records are kept for ever.
"""

import json
import time

LOGDB = (
    "CREATE TABLE IF NOT EXISTS logdb (log_index BIGINT PRIMARY KEY, term BIGINT, sqlcmd {text}, timestamp BIGINT, "
    "fed_index BIGINT, applied BOOLEAN)"
)
ATTRIBUTES = "CREATE TABLE IF NOT EXISTS system_attributes (name VARCHAR(64) PRIMARY KEY, body {text})"
STATE = "RAFT_STATE"
NO_FEDERATION = -1


class RaftLog:
    def __init__(self, database):
        self.database = database
        for statement in (LOGDB, ATTRIBUTES):
            database.run(statement.format(text=database.text_type()))
        if self.record(0) is None:
            self._insert(0, 0, json.dumps(["", [int(time.time())]]), applied=True)

    # -- records ------------------------------------------------------------------------------------------------

    def record(self, index):
        """(term, text) of one record, or None."""
        return self.database.one("SELECT term, sqlcmd FROM logdb WHERE log_index = ?", (index,))

    def last(self):
        """(index, term) of the newest record."""
        return self.database.one("SELECT log_index, term FROM logdb ORDER BY log_index DESC LIMIT 1")

    def applied(self):
        return self.database.one("SELECT MAX(log_index) FROM logdb WHERE applied = 1")[0]

    def append(self, term, statement, values):
        index = self.last()[0] + 1
        self._insert(index, term, json.dumps([statement, list(values)]))
        return index

    def accept(self, index, term, text):
        """A record from the leader: as the source has it, one of another term goes, with all after it."""
        present = self.record(index)
        if present and present[0] == term:
            return
        if present:
            self.database.run("DELETE FROM logdb WHERE log_index >= ?", (index,))
        self._insert(index, term, text)

    def _insert(self, index, term, text, applied=False):
        self.database.run(
            "INSERT INTO logdb VALUES (?, ?, ?, ?, ?, ?)",
            (index, term, text, int(time.time()) if applied else 0, NO_FEDERATION, int(applied)),
        )

    def apply_to(self, commit):
        """Execute what is committed and not yet applied; returns the statements."""
        done = []
        for index in range(self.applied() + 1, commit + 1):
            found = self.record(index)
            if found is None:
                break
            statement, values = json.loads(found[1])
            self.database.run(statement, values)
            self.database.run(
                "UPDATE logdb SET applied = 1, timestamp = ? WHERE log_index = ?", (int(time.time()), index)
            )
            done.append(statement)
        return done

    # -- term and vote, which outlive the daemon ----------------------------------------------------------------

    def load_state(self):
        """(term, voted for)"""
        found = self.database.one("SELECT body FROM system_attributes WHERE name = ?", (STATE,))
        if found is None:
            return 0, -1
        return tuple(int(found[0].split(f"<{key}><![CDATA[")[1].split("]")[0]) for key in ("TERM", "VOTEDFOR"))

    def save_state(self, term, voted_for):
        body = f"<TEMPLATE><TERM><![CDATA[{term}]]></TERM><VOTEDFOR><![CDATA[{voted_for}]]></VOTEDFOR></TEMPLATE>"
        self.database.run("REPLACE INTO system_attributes VALUES (?, ?)", (STATE, body))
