package seed

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/lib/pq"
)

// A domain's file declares what it imports and what it shows; nothing lists the domains. What is
// written first follows from the foreign keys of the database.
var (
	sections = map[string]section{} // of a file, by name; others are counted and left out
	extras   = map[string]table{}   // tables that no section is and derivations fill, by name
	growers  = map[string]grower{}  // of the demonstration, by name
)

// imports declares a section of a file.
func imports(name string, s section) section {
	declare(sections, name, s)
	return s
}

// fills declares a table that no section is: derivations put its rows into file.extra.
func fills(t table) table {
	declare(extras, t.name, t)
	return t
}

// grows declares rows of the demonstration.
func grows(name string, g grower) grower {
	declare(growers, name, g)
	return g
}

func declare[V any](all map[string]V, name string, v V) {
	if _, twice := all[name]; twice {
		panic("seed: " + name + " is declared twice")
	}
	all[name] = v
}

// after sorts names so that each follows those it needs, and otherwise by name. What is needed
// and is no name is left out. A circle is an error that names one of its members.
func after(names []string, needs func(name string) []string) ([]string, error) {
	var done []string
	const visiting, visited = 1, 2
	state := map[string]int{}
	var visit func(name string) error
	visit = func(name string) error {
		switch state[name] {
		case visiting:
			return fmt.Errorf("%s needs itself", name)
		case visited:
			return nil
		}
		state[name] = visiting
		for _, need := range slices.Sorted(slices.Values(needs(name))) {
			if slices.Contains(names, need) {
				if err := visit(need); err != nil {
					return err
				}
			}
		}
		state[name] = visited
		done = append(done, name)
		return nil
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// batch is rows that one statement writes.
type batch struct {
	table
	rows []row
}

// inOrder sorts batches so that what others refer to comes first, by the foreign keys over
// columns that are written with their rows.
func inOrder(ctx context.Context, tx *sql.Tx, batches []batch) ([]batch, error) {
	at := map[string][]string{} // columns written with their rows, by table
	for _, b := range batches {
		at[b.name] = append(at[b.name], without(b.columns, b.late)...)
	}
	keys, err := tx.QueryContext(ctx, `SELECT conrelid::regclass::text, confrelid::regclass::text,
			array(SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY(conkey))
		FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid`)
	if err != nil {
		return nil, fmt.Errorf("foreign keys: %w", err)
	}
	defer keys.Close()
	needs := map[string][]string{}
	for keys.Next() {
		var from, to string
		var columns []string
		if err := keys.Scan(&from, &to, (*pq.StringArray)(&columns)); err != nil {
			return nil, fmt.Errorf("foreign keys: %w", err)
		}
		if len(without(columns, at[from])) == 0 {
			needs[from] = append(needs[from], to)
		}
	}
	if err := keys.Err(); err != nil {
		return nil, fmt.Errorf("foreign keys: %w", err)
	}
	order, err := after(sorted(at), func(name string) []string { return needs[name] })
	if err != nil {
		return nil, fmt.Errorf("order of tables: %w; declare one of its columns late", err)
	}
	slices.SortStableFunc(batches, func(a, b batch) int {
		return cmp.Compare(slices.Index(order, a.name), slices.Index(order, b.name))
	})
	return batches, nil
}
