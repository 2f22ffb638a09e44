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
		if !slices.Contains(order, name) {
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
	for _, name := range order {
		for _, r := range f.sections[name] {
			if r.owner != "" {
				owners[r.owner] = true
			}
		}
	}
	return sorted(owners)
}

// extras are tables that no section is: those that cases of feedback need, and those that follow.
var (
	needed = []table{
		{name: "staff_posts", columns: []string{"owner", "id", "code", "label_zh", "label_en", "provenance"}},
		{name: "feedback_categories", columns: []string{"owner", "id", "code", "name_zh", "provenance"}},
		{name: "sla_rules", columns: []string{"owner", "id", "category", "due_in_hours", "working_days", "assignee_post_id", "responsible_org_id"}},
	}
	following = []table{
		{name: "feedback_updates", columns: []string{"owner", "id", "feedback_id", "at", "action", "from_status", "to_status", "by_post_id", "principal", "note"}},
		{name: "echo_wall_posts", columns: []string{"owner", "id", "feedback_id", "title_zh", "outcome_zh", "status", "authored_by", "reviewed_by", "reviewed_at", "published_at", "provenance"}},
		{name: "team_honours", columns: []string{"owner", "id", "team_id", "kind", "awarded_on", "by_org_id", "event_id", "provenance"}},
		{name: "campaign_communities", columns: []string{"owner", "campaign_id", "community"}, key: []string{"owner", "campaign_id", "community"}},
	}
)

// standing are tables whose rows, once there, are no longer the importer's to change.
var standing = []string{"sla_rules", "feedbacks", "feedback_updates", "echo_wall_posts"}

// write writes the rows of some owners, or with none those of the directory.
func (f *file) write(ctx context.Context, tx *sql.Tx, report *Report, owners []string) error {
	put := func(t table, rows []row) error {
		if owners != nil {
			rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !slices.Contains(owners, r["owner"].(string)) })
		}
		write := t.upsert
		if slices.Contains(standing, t.name) {
			write = t.add
		}
		n, err := write(ctx, tx, rows)
		report.Written += n
		return err
	}
	rowsOf := func(name string) (rows []row) {
		for _, r := range f.sections[name] {
			if r.row != nil {
				rows = append(rows, r.row)
			}
		}
		return rows
	}
	mine := func(name string) bool {
		s := sections[name]
		return s.table != "" && (s.owner == nil) == (owners == nil)
	}
	for _, name := range order {
		if !mine(name) {
			continue
		}
		if name == "feedbackCases" {
			for _, t := range needed {
				if err := put(t, f.extra[t.name]); err != nil {
					return err
				}
			}
		}
		if err := put(sections[name].write(), rowsOf(name)); err != nil {
			return err
		}
	}
	if owners == nil {
		return nil
	}
	for _, t := range following {
		if err := put(t, f.extra[t.name]); err != nil {
			return err
		}
	}
	for _, name := range order {
		if mine(name) {
			if err := sections[name].write().finish(ctx, tx, rowsOf(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// write is the table of a section with the columns that its rows have.
func (s section) write() table {
	t := table{name: s.table, columns: []string{"provenance"}, late: s.derivedLate}
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
	switch s.table {
	case "divisions":
		t.key = []string{"code"}
	case "communities":
		t.key = []string{"slug"}
	}
	return t
}
