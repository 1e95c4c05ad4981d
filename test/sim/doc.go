// Package sim runs the whole path of an event in one process and in fake time: devices with wrong clocks that send, lose
// answers, send again and out of order; the ingest handler; the event log and the dedup index on a disk that fills up,
// hangs, fails and loses what was not synced; the processor; and a store in memory. An operator kills it, cuts its power
// and starts it again. In the end everything acknowledged must be in the store exactly once, at the right time, of the
// right person, and the ledger must balance.
//
// Everything random comes out of one seed:
//
//	go test -tags duckdb_arrow ./test/sim -seeds 100000         # seeds 1 to 100,000
//	go test -tags duckdb_arrow ./test/sim -seed 4711 -seeds 1 -trace
package sim
