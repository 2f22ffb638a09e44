package store

import (
	"strings"

	"linhui/internal/fault"
	"linhui/page"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

// Form collects what a step writes and checks each input on the way. The first that is wrong
// is what Done returns; paths name inputs.
type Form struct {
	owner string
	set   Values
	note  string
	err   error
}

// Form begins an empty form for the transaction's owner.
func (tx *Tx) Form() *Form { return &Form{owner: tx.Owner, set: Values{}} }

// Done returns the change, or the first thing that is wrong.
func (f *Form) Done() (Change, error) { return Change{Set: f.set, Note: f.note}, f.err }

// Set writes a value as it is.
func (f *Form) Set(column string, v any) { f.set[column] = v }

// Fail notes that something is wrong.
func (f *Form) Fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// Text writes a text that is neither blank nor longer than max characters.
func (f *Form) Text(column, s string, max int, at ...string) {
	f.set[column] = f.text(s, max, at)
}

// OptionalText is Text for one that may be left out, or be blank.
func (f *Form) OptionalText(column string, s *string, max int, at ...string) {
	f.set[column] = nil
	if s != nil && strings.TrimSpace(*s) != "" {
		f.set[column] = f.text(*s, max, at)
	}
}

// Public is Text for what everybody will read: it must not seem to hold personal data (I23).
func (f *Form) Public(column, s string, max int, at ...string) {
	f.Text(column, s, max, at...)
	f.Fail(CheckPublic(s, at...))
}

// OptionalPublic is Public for a text that may be left out, or be blank.
func (f *Form) OptionalPublic(column string, s *string, max int, at ...string) {
	f.OptionalText(column, s, max, at...)
	if s != nil {
		f.Fail(CheckPublic(*s, at...))
	}
}

// Texts writes at most so many public texts, none of them blank.
func (f *Form) Texts(column string, texts []string, most, max int, at ...string) {
	if len(texts) > most {
		f.Fail(fault.Newf(fault.BadUserInput, "at most %d fit here", most).At(at...))
	}
	kept := make([]string, len(texts))
	for i, s := range texts {
		kept[i] = f.text(s, max, at)
		f.Fail(CheckPublic(s, at...))
	}
	f.Set(column, pq.Array(kept))
}

// Note writes a text to the log of steps.
func (f *Form) Note(s string, max int, at ...string) { f.note = f.text(s, max, at) }

// OptionalNote is Note for one that may be left out, or be blank.
func (f *Form) OptionalNote(s *string, max int, at ...string) {
	if s != nil && strings.TrimSpace(*s) != "" {
		f.Note(*s, max, at...)
	}
}

func (f *Form) text(s string, max int, at []string) string {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		f.Fail(fault.Newf(fault.BadUserInput, "a text is needed here").At(at...))
	case len([]rune(s)) > max:
		f.Fail(fault.Newf(fault.BadUserInput, "at most %d characters fit here", max).At(at...))
	}
	return s
}

// Refer writes the id of a row of the same owner; nil is none. Whether there is such a row is
// for the foreign key, which the machine's rules explain.
func (f *Form) Refer(column string, id *string, typ string, at ...string) {
	f.set[column] = nil
	if id == nil {
		return
	}
	if u, err := Refer(*id, f.owner, typ, at...); err != nil {
		f.Fail(err)
	} else {
		f.set[column] = u
	}
}

// Refer reads the id of a row of a type and an owner.
func Refer(id, owner, typ string, at ...string) (uuid.UUID, error) {
	parsed, err := page.ParseID(id)
	switch {
	case err != nil:
		return uuid.UUID{}, fault.Of(err).At(at...)
	case parsed.Type != typ:
		return uuid.UUID{}, fault.Newf(fault.BadUserInput, "the id is not one of a %s", typ).At(at...)
	case parsed.Owner != owner:
		return uuid.UUID{}, fault.Newf(fault.BadUserInput, "the %s is of another community", typ).At(at...)
	}
	return parsed.UUID, nil
}

// OwnerOf reads a community that an input names by slug or global id.
func (a *Ask) OwnerOf(community string, at ...string) (string, error) {
	if a.Directory.Community(community) != nil {
		return community, nil
	}
	if id, err := page.ParseID(community); err == nil && id.Type == "Community" {
		if c := a.Directory.Community(id.Owner); c != nil && c.UUID == id.UUID {
			return id.Owner, nil
		}
	}
	return "", fault.Newf(fault.NotFound, "this graph knows no such community; give its slug or id").At(at...)
}
