package main

import (
	"context"
	"database/sql"
	"fmt"
)

// multiply adds copies of all events to the store of a server that is stopped until there are n times as many: the same
// days and times, done by other people. Each day's copies are in the order that a compacted day has.
func multiply(ctx context.Context, storeFile string, n int) error {
	db, err := sql.Open("duckdb", storeFile+"?storage_compatibility_version=latest")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var events int64
	if err := db.QueryRowContext(ctx, "SELECT max(seq) + 1 FROM events_1").Scan(&events); err != nil {
		return fmt.Errorf("count the events of %s: %w", storeFile, err)
	}
	rows, err := db.QueryContext(ctx, "SELECT DISTINCT day FROM runs WHERE project = 1 ORDER BY day")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var days []int64
	for rows.Next() {
		var day int64
		if err := rows.Scan(&day); err != nil {
			return err
		}
		days = append(days, day)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, day := range days {
		for _, q := range []string{
			fmt.Sprintf(`INSERT INTO events_1 SELECT e.* REPLACE (xor(person, hash(copy)) AS person, (seq + copy * %d)::UBIGINT AS seq)
				FROM events_1 e, range(1, %d) c(copy) WHERE day = %d AND seq < %[1]d ORDER BY xor(person, hash(copy)), time, seq`, events, n, day),
			// What is merged next goes by the number of runs, not by their sizes.
			fmt.Sprintf("UPDATE runs SET rows = rows * %d WHERE project = 1 AND day = %d", n, day),
			"CHECKPOINT",
		} {
			if _, err := db.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("copy day %d: %w", day, err)
			}
		}
	}
	return nil
}
