// Package fault is where the crash laboratory (test/crash) and the chaos of a cluster (test/e2e) reach into the server: named steps at
// which a process can be killed or a call made to fail, planted bugs, mistakes that a test must find or it proves nothing, and small bounds, so that
// little is enough for what they bound to happen. All exist only in a binary built with the tag "fault", and there only when the environment asks
// for them. Everywhere else Hit, Planted and Small are constants that the compiler removes together with what hangs on them.
package fault

// Step names a moment on an event's path at which the laboratory may strike.
type Step string

// The steps, in the order in which an event meets them.
const (
	LogRoll       Step = "log.roll"       // a segment file was made, its name is not durable yet
	LogWrite      Step = "log.write"      // before a block is written
	LogSync       Step = "log.sync"       // a block was written and is not durable yet
	LogSynced     Step = "log.synced"     // a block is durable, nobody was told
	StoreCommit   Step = "store.commit"   // before a batch becomes visible
	StoreFlush    Step = "store.flush"    // rows are written, their transaction is not committed
	StoreFlushed  Step = "store.flushed"  // it is committed, what is in memory still says otherwise
	StorePosition Step = "store.position" // the position file is replaced, the database is not there yet
	StoreCompact  Step = "store.compact"  // a day is rewritten, its transaction is not committed
	StoreExpire   Step = "store.expire"   // expired days are deleted, their transaction is not committed
	DedupRun      Step = "dedup.run"      // a file of event ids is written, it does not have its name yet
	DedupNamed    Step = "dedup.named"    // it has its name, which is not durable yet
	ArchiveFile   Step = "archive.file"   // a file of the archive is durable, no manifest knows it
	ArchiveBatch  Step = "archive.batch"  // the manifest is durable
	LogTrim       Step = "log.trim"       // before a segment is removed
)

// Steps are all of them.
func Steps() []Step {
	return []Step{
		LogRoll, LogWrite, LogSync, LogSynced, StoreCommit, StoreFlush, StoreFlushed, StorePosition, StoreCompact, StoreExpire,
		DedupRun, DedupNamed, ArchiveFile, ArchiveBatch, LogTrim,
	}
}

// Bug names a planted bug.
type Bug string

// The bugs. Each is one that a system of this kind has shipped.
const (
	NoSync          Bug = "no-sync"           // events are acknowledged before they are durable
	SyncFirst       Bug = "sync-first"        // the fsync comes before the write that it was for
	NoFolderSync    Bug = "no-folder-sync"    // the name of a new segment is not made durable
	NoSyncAtRename  Bug = "no-sync-at-rename" // a file gets its name before its content is durable
	SyncIgnored     Bug = "sync-ignored"      // an fsync that failed counts as done
	SyncAgain       Bug = "sync-again"        // an fsync that failed is tried again on the same descriptor
	FullIgnored     Bug = "full-ignored"      // a write that found no space counts as done
	TailInTheMiddle Bug = "tail-everywhere"   // damage in the middle of a segment is cut off like a torn tail
	HeaderUnsummed  Bug = "header-unsummed"   // a block's checksum leaves out its lengths and positions
	PositionFirst   Bug = "position-first"    // the store's position is committed before the rows
	IDsForgotten    Bug = "ids-forgotten"     // ids of rows that are stored are not brought back to the index after a crash
	WindowEdge      Bug = "window-edge"       // an id is remembered a second too long
	KeyOfAnyone     Bug = "key-of-anyone"     // an id of one project makes the same id of another a duplicate
	TrimUnread      Bug = "trim-unread"       // the log is trimmed of what the index of ids still needs
	TrimUnarchived  Bug = "trim-unarchived"   // the log is trimmed of what is not in the archive
	CountedEarly    Bug = "counted-early"     // the ledger counts an event as stored before it is looked at
	KeysForgotten   Bug = "keys-forgotten"    // a control plane that fails makes good keys unknown
	AnyConfig       Bug = "any-config"        // a configuration that makes no sense is accepted
	AnyProxy        Bug = "any-proxy"         // X-Forwarded-For is believed from everyone
	AnyProject      Bug = "any-project"       // a key may ask about another project than its own
	InputBound      Bug = "input-bound"       // only a body's compressed size is bounded
	LogClosedFirst  Bug = "log-closed-first"  // a stop closes the log before the requests that need it are done
)

// The bugs of a cluster, where each would be. TestChaosFinds looks for them.
const (
	EpochIgnored Bug = "epoch-ignored"  // a question reads what a process wrote that had lost its place by then
	CutLate      Bug = "cut-late"       // a question reads rows of a commit that is not complete
	CutEarly     Bug = "cut-early"      // a question leaves out the last event before its watermark
	LinkLate     Bug = "link-late"      // a question does not see the links of the latest commit
	AnyVersion   Bug = "any-version"    // an answer that was kept is given for any watermark
	KeptAnyhow   Bug = "kept-anyhow"    // an answer is kept under a watermark that it is newer than
	WaitShort    Bug = "wait-short"     // the position that an answer is to be consistent with is not waited for
	CommitAgain  Bug = "commit-again"   // rows are sent again, in the same epoch, when the answer was lost
	CountedAgain Bug = "counted-again"  // who follows counts a commit again after it has failed to read what belongs to it
	FirstUnasked Bug = "first-unasked"  // duplicates are not found in the first batch of a process that takes over
	AckEarly     Bug = "ack-early"      // events are acknowledged before Kafka has them
	SealedAsWere Bug = "sealed-as-were" // rows are sealed with the people whose they were before the latest links
	BuriedEarly  Bug = "buried-early"   // rows that were sealed anew are deleted while cuts still read them
)

// Bugs are those of one server.
func Bugs() []Bug {
	return []Bug{
		NoSync, SyncFirst, NoFolderSync, NoSyncAtRename, SyncIgnored, SyncAgain,
		FullIgnored, TailInTheMiddle, HeaderUnsummed, PositionFirst, IDsForgotten, WindowEdge,
		KeyOfAnyone, TrimUnread, TrimUnarchived, CountedEarly, KeysForgotten,
		AnyConfig, AnyProxy, AnyProject, InputBound, LogClosedFirst,
	}
}

// ClusterBugs are those of a cluster, with those that it shares with one server.
func ClusterBugs() []Bug {
	return []Bug{
		EpochIgnored, CutLate, CutEarly, LinkLate, AnyVersion, KeptAnyhow, WaitShort,
		CommitAgain, CountedAgain, FirstUnasked, AckEarly, PositionFirst, IDsForgotten, SealedAsWere, BuriedEarly,
	}
}
