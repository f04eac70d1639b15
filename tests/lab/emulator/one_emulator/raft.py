"""One server among several: follower, candidate or leader; terms, votes, and the log that followers must have before a
change counts. Read from OpenNebula's source, not from captures: states, refusals, majorities, the self-election of a
server whose zone names no other. The warm-up is shorter than oned's 15 s.
"""

import random
import threading
import time

from . import errors, raft_rpc
from .log import write
from .raft_hooks import run_hook
from .raft_log import NO_FEDERATION, RaftLog

SOLO, CANDIDATE, FOLLOWER, LEADER = range(4)
WARM_UP = 3.0
TICK = 0.05
ZONE = 0


class Raft:
    def __init__(self, cloud):
        self.cloud = cloud
        conf = cloud.conf.vector("RAFT")
        self.server_id = int(cloud.conf.vector("FEDERATION").get("SERVER_ID") or -1)
        self.election_timeout = int(conf.get("ELECTION_TIMEOUT_MS", 5000)) / 1000
        self.broadcast_timeout = int(conf.get("BROADCAST_TIMEOUT_MS", 500)) / 1000
        self.call_timeout = int(conf.get("XMLRPC_TIMEOUT_MS", 1000)) / 1000 or None
        self.log = RaftLog(cloud.database)
        self.term, self.voted_for = self.log.load_state()
        self.state = SOLO if self.server_id == -1 else FOLLOWER
        self.leader_id = -1
        self.commit = self.log.applied()
        self.changed = threading.Condition(threading.RLock())  # guards all of this
        self.match = {}  # follower -> newest record it is known to have
        self.resets = {}  # follower -> where its records begin anew
        self.reconciling = False
        self.heard = 0.0
        self.stopped = False
        if self.state != SOLO:
            cloud.database.write = self.replicated_write

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self):
        if self.state == SOLO:
            write("ONE", "I", "oned started in solo mode.")
            self.cloud.start_monitors()
            return
        write("RCM", "I", "oned started in follower mode")
        self.heard = time.monotonic() + WARM_UP
        run_hook(self.cloud.conf, "RAFT_FOLLOWER_HOOK")
        threading.Thread(target=self._watch, name="raft", daemon=True).start()

    def stop(self):
        self.stopped = True
        if self.state == LEADER:
            self.become_follower(self.term)
        elif self.state == SOLO:
            self.cloud.stop_monitors()

    def servers(self):
        """Identifier and endpoint of every server that the zone names, as this server's own database has it."""
        zone = self.cloud.pools["zone"].objects.get(ZONE)
        return {int(s["ID"]): s["ENDPOINT"] for s in zone.data["servers"]} if zone else {}

    def others(self):
        return {oid: endpoint for oid, endpoint in self.servers().items() if oid != self.server_id}

    def leader_endpoint(self):
        return self.servers().get(self.leader_id)

    # -- elections ----------------------------------------------------------------------------------------------

    def _watch(self):
        while not self.stopped:
            time.sleep(TICK)
            with self.changed:
                due = self.state == FOLLOWER and time.monotonic() > self.heard + self.election_timeout
                if due:
                    self.state = CANDIDATE
            if due:
                write("RRM", "E", "Failed to get heartbeat from leader. Starting election proccess")
                self._campaign()

    def _campaign(self):
        while self.state == CANDIDATE and not self.stopped:
            servers = self.servers()
            with self.changed:
                self.leader_id = -1
                self._enter_term(self.term + 1, self.server_id)
                term = self.term
            granted, needed = 0, len(servers) // 2
            for oid, endpoint in self.others().items():
                answer = raft_rpc.vote(endpoint, self.call_timeout, term, self.server_id, *self.log.last())
                if answer.granted:
                    granted += 1
                    write("RCM", "I", f"Got vote from follower {oid}. Total votes: {granted}")
                elif answer.term > term:
                    self.become_follower(answer.term)
                    return
                else:
                    write("RCM", "I", f"Vote not granted from follower {oid}: {answer.text}")
                if granted >= needed:
                    break
            if granted >= needed:
                self._become_leader(term)
                return
            with self.changed:
                if self.state != CANDIDATE:
                    return
                self._enter_term(self.term, -1)
            time.sleep(random.uniform(0, self.election_timeout))

    def _enter_term(self, term, voted_for):
        self.term, self.voted_for = term, voted_for
        self.log.save_state(term, voted_for)

    def _become_leader(self, term):
        with self.changed:
            if self.state != CANDIDATE or self.term != term:
                return
            index = self.log.last()[0]
            self.state, self.leader_id, self.commit = LEADER, self.server_id, self.log.applied()
            write(
                "RCM", "I", f"Becoming leader of the zone. Last log record: {index} last applied record: {self.commit}"
            )
            self.match, self.reconciling = {}, self.commit < index
            for oid in self.others():
                # The last record is sent again where it is not known to be committed: who took it is counted then.
                self._follow(oid, index if self.reconciling else index + 1)
        run_hook(self.cloud.conf, "RAFT_LEADER_HOOK")
        threading.Thread(target=self._reconcile, args=(index,), daemon=True).start()

    def _reconcile(self, index):
        """What the former leader left in the log is committed before this one takes changes."""
        if self._wait_committed(index):
            with self.cloud.guard:
                self.log.apply_to(index)
                self.cloud.reload()
            self.reconciling = False
            write("RCM", "I", "oned is now the leader of the zone")
            self.cloud.start_monitors()

    def become_follower(self, term):
        with self.changed:
            was = self.state
            self.state, self.leader_id = FOLLOWER, -1
            if was == LEADER:
                self.heard = time.monotonic()  # its own last heartbeat; a mere candidate's call is none
            if term > self.term:
                self._enter_term(term, -1)
            self.commit = self.log.applied()
            self.changed.notify_all()
        write("RCM", "I", "oned is set to follower mode")
        if was == LEADER:
            self.cloud.stop_monitors()
            run_hook(self.cloud.conf, "RAFT_FOLLOWER_HOOK")
            threading.Thread(target=self.cloud.reload, daemon=True).start()  # forget what was never committed

    # -- the leader: replication --------------------------------------------------------------------------------

    def replicated_write(self, statement, values=()):
        """A change counts when a majority has it in its log; until then it waits, and with it all of oned."""
        with self.changed:
            if self.state != LEADER:
                raise errors.OneError(errors.INTERNAL, "Tried to modify DB being a follower")
            index = self.log.append(self.term, statement, values)
            self.changed.notify_all()
        if not self._wait_committed(index):
            raise errors.OneError(errors.INTERNAL, "Not applying log record, oned is now a follower")
        self.log.apply_to(index)

    def _wait_committed(self, index):
        with self.changed:
            while self.state == LEADER and not self.stopped:
                self._advance_commit()
                if self.commit >= index:
                    return True
                self.changed.wait(0.5)
            return False

    def _advance_commit(self):
        """The newest record that half of the zone's servers, beside this one, have."""
        needed = len(self.servers()) // 2
        present = sorted((self.match.get(oid, 0) for oid in self.others()), reverse=True)
        reached = self.log.last()[0] if needed == 0 else present[needed - 1]
        self.commit = max(self.commit, reached)

    def server_added(self, oid):
        with self.changed:
            if self.state == LEADER and oid != self.server_id:
                self._follow(oid, self.log.last()[0] + 1)

    def reset_index(self, oid):
        with self.changed:
            self.resets[oid] = self.log.last()[0] + 1

    def _follow(self, oid, next_index):
        self.match[oid] = 0
        thread = threading.Thread(target=self._serve_follower, args=(oid, next_index, self.term), daemon=True)
        thread.start()

    def _serve_follower(self, oid, next_index, term):
        """Records and, in between, heartbeats, as long as this server leads this term and the zone names the other."""
        while not self.stopped and self.state == LEADER and self.term == term:
            endpoint = self.others().get(oid)
            if endpoint is None:
                return
            with self.changed:
                next_index = self.resets.pop(oid, next_index)
                record = self.log.record(next_index)
                previous = self.log.record(next_index - 1)
                if record is None:
                    self.changed.wait(self.broadcast_timeout)
                    record = self.log.record(next_index)
                    previous = self.log.record(next_index - 1)
                commit = self.commit
            arguments = (0, 0, 0, 0, NO_FEDERATION, "")
            if record is not None:
                arguments = (next_index, record[0], max(next_index - 1, 0), previous[0] if previous else 0)
                arguments += (NO_FEDERATION, record[1])
            answer = raft_rpc.replicate(endpoint, self.call_timeout, self.server_id, commit, term, *arguments)
            if answer.term > term:
                self.become_follower(answer.term)
                return
            if record is None:
                continue
            with self.changed:
                if answer.granted:
                    self.match[oid] = next_index
                    next_index += 1
                    self._advance_commit()
                    self.changed.notify_all()
                elif answer.reached:
                    next_index = max(next_index - 1, 0)
                else:
                    self.changed.wait(self.broadcast_timeout)

    # -- calls from other servers -------------------------------------------------------------------------------

    def call_voterequest(self, term, candidate, index, log_term):
        with self.changed:
            if term < self.term:
                raise raft_rpc.refusal("Candidate's term is outdated", self.term)
            if term > self.term:
                write("ReM", "I", f"New term ({term}) discovered from candidate {candidate}")
                self.become_follower(term)
            own_index, own_term = self.log.last()
            if (own_term, own_index) > (log_term, index):
                raise raft_rpc.refusal("Candidate's log is outdated", self.term)
            if self.voted_for not in (-1, candidate):
                raise raft_rpc.refusal("Already voted for another candidate", self.term)
            self._enter_term(self.term, candidate)
            return self.term

    def call_replicate(self, leader, commit, leader_term, index, term, previous, previous_term, _fed, text):
        with self.changed:
            if leader_term < self.term:
                raise raft_rpc.refusal(f"Leader term ({leader_term}) is outdated ({self.term})", self.term)
            if leader_term > self.term or self.state == CANDIDATE:
                self.become_follower(leader_term)
            self.leader_id, self.heard = leader, max(self.heard, time.monotonic())
            if text or index:
                self._accept(index, term, previous, previous_term, text)
                known = index
            else:
                known = self.log.last()[0]
            self.commit = max(self.commit, min(commit, known))
            reached, answer = self.commit, self.term
        if self.state == FOLLOWER:
            with self.cloud.guard:
                if self.log.apply_to(reached):
                    self.cloud.reload()
        return answer

    def _accept(self, index, term, previous, previous_term, text):
        if not text:
            raise raft_rpc.refusal("Empty SQL command in log record", self.term)
        if index > 0:
            before = self.log.record(previous)
            if before is None:
                raise raft_rpc.refusal("Error loading previous log record", self.term)
            if before[0] != previous_term:
                raise raft_rpc.refusal("Previous log record missmatch", self.term)
        self.log.accept(index, term, text)

    def status(self):
        index, term = (-1, -1) if self.state == SOLO else self.log.last()
        values = (
            ("SERVER_ID", self.server_id), ("STATE", self.state), ("TERM", self.term), ("VOTEDFOR", self.voted_for),
            ("COMMIT", self.commit), ("LOG_INDEX", index), ("LOG_TERM", term), ("FEDLOG_INDEX", -1),
        )  # fmt: skip
        return "<RAFT>" + "".join(f"<{name}>{value}</{name}>" for name, value in values) + "</RAFT>"
