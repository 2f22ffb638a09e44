package seed

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Report is what an import did.
type Report struct {
	Imported map[string]int // records by section
	Skipped  map[string]int // records of sections that have no table, and roles that are no posts
	Written  int64          // rows inserted or changed; 0 when the file was imported before
	Done     []string       // "directory" and the keys of the sources that are committed
}

// Import checks the whole file and then writes it: the directory first, then source by source, all
// or nothing in each. What is imported again is updated under its old id, except entries of the
// feedback register, which belong to their history once they exist.
//
// A broken file is BAD_USER_INPUT: it names the record, the field and what was expected, and
// nothing was written. When a source fails, the report says which were done; importing again
// completes the rest. progress, when not nil, gets a line a database.
func Import(ctx context.Context, t Target, body []byte, progress func(string)) (Report, error) {
	f, err := check(body)
	if err != nil {
		return Report{}, err
	}
	report := f.report()
	owners := f.owners()
	placed, err := t.place(owners)
	if err != nil {
		return Report{}, err
	}
	if progress == nil {
		progress = func(string) {}
	}

	err = transact(ctx, t.Directory, func(tx *sql.Tx) error {
		return f.write(ctx, tx, &report, nil)
	})
	if err != nil {
		return report, fmt.Errorf("import into the directory: %w", err)
	}
	report.Done = append(report.Done, "directory")
	progress(fmt.Sprintf("directory: %d divisions, %d communities", len(f.sections["divisions"]), len(f.sections["communities"])))

	for _, key := range sorted(placed) {
		before := report.Written
		err := write(ctx, t.Sources[key], placed[key], func(tx *sql.Tx) error {
			return f.write(ctx, tx, &report, placed[key])
		})
		if err != nil {
			report.Written = before
			return report, fmt.Errorf("import into source %s (done: %s): %w", key, strings.Join(report.Done, ", "), err)
		}
		report.Done = append(report.Done, key)
		progress(fmt.Sprintf("source %s: %s, %d rows written", key, strings.Join(placed[key], " "), report.Written-before))
	}
	return report, nil
}

// Streets says which source each owner of a file goes to when every street has one of its own, keyed
// by the street's code. A district's rows go with its first community.
func Streets(body []byte) (map[string]string, error) {
	f, err := check(body)
	if err != nil {
		return nil, err
	}
	placed := map[string]string{}
	for _, c := range f.sections["communities"] {
		street := f.byID[c.raw["streetCode12"].(string)]
		placed[c.id] = street.id
		if district, ok := street.raw["parentCode12"].(string); ok && placed[district] == "" {
			placed[district] = street.id
		}
	}
	for _, owner := range f.owners() {
		if placed[owner] == "" {
			return nil, fmt.Errorf("place %s: no community of the file lies in it", owner)
		}
	}
	return placed, nil
}

func (f *file) report() Report {
	r := Report{Imported: map[string]int{}, Skipped: map[string]int{}}
	for name, records := range f.sections {
		if _, known := sections[name]; !known {
			r.Skipped[name] = len(records)
			continue
		}
		for _, record := range records {
			if sections[name].keep != nil && record.row == nil {
				r.Skipped[name]++
			} else {
				r.Imported[name]++
			}
		}
	}
	return r
}

// owners are the communities, also those without rows, and the districts that have some.
func (f *file) owners() []string {
	owners := map[string]bool{}
	for _, c := range f.sections["communities"] {
		owners[c.id] = true
	}
	for name := range sections {
		for _, r := range f.sections[name] {
			if r.owner != "" {
				owners[r.owner] = true
			}
		}
	}
	return sorted(owners)
}

// write writes the rows of some owners, or with none those of the directory.
func (f *file) write(ctx context.Context, tx *sql.Tx, report *Report, owners []string) error {
	batches, err := inOrder(ctx, tx, f.batches(owners))
	if err != nil {
		return err
	}
	for _, b := range batches {
		write := b.upsert
		if b.standing {
			write = b.add
		}
		n, err := write(ctx, tx, b.rows)
		if err != nil {
			return err
		}
		report.Written += n
	}
	for _, b := range batches {
		if err := b.finish(ctx, tx, b.rows); err != nil {
			return err
		}
	}
	return nil
}

// batches are the rows of some owners by table, or with none those of the directory.
func (f *file) batches(owners []string) []batch {
	var all []batch
	add := func(t table, rows []row) {
		if owners != nil {
			rows = slices.DeleteFunc(rows, func(r row) bool { return !slices.Contains(owners, r["owner"].(string)) })
		}
		if len(rows) > 0 {
			all = append(all, batch{t, rows})
		}
	}
	for _, name := range sorted(sections) {
		s := sections[name]
		if s.table == "" || (s.owner == nil) != (owners == nil) {
			continue
		}
		var rows []row
		for _, r := range f.sections[name] {
			if r.row != nil {
				rows = append(rows, r.row)
			}
		}
		add(s.write(), rows)
	}
	if owners != nil {
		for _, name := range sorted(extras) {
			add(extras[name], slices.Clone(f.extra[name]))
		}
	}
	return all
}

// write is the table of a section with the columns that its rows have.
func (s section) write() table {
	t := table{name: s.table, key: s.key, standing: s.standing, columns: []string{"provenance"}, late: s.derivedLate}
	if s.owner != nil {
		t.columns = append(t.columns, "owner", "id")
	}
	for _, c := range s.columns {
		if c.to != "" {
			t.columns = append(t.columns, c.to)
		}
		if c.late {
			t.late = append(t.late, c.to)
		}
	}
	t.columns = append(t.columns, s.derived...)
	return t
}
