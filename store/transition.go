package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"
)

// Machine is the life of a type's rows as data. Whatever it does not list is refused, and each
// step leaves a log row and an outbox event in the transaction of the change.
type Machine[T any] struct {
	Table *Table[T]
	Topic string // of its outbox events
	// State reads status and version off a row.
	State func(*T) (status scalar.Enum, version int)
	// Log is the append-only table of its steps, and LogKey the column there that holds the
	// row's id; without one, steps go to audit_log.
	Log, LogKey string
	Rules       Rules
	Transitions []Transition[T]
}

// Transition is one line of a machine.
type Transition[T any] struct {
	Action string
	From   []scalar.Enum // nil: the action makes the row
	To     scalar.Enum   // "": what the change sets, else the status stays
	Who    Who[T]
	Guard  func(ask *Ask, row *T) error // on the row alone; nil: none
}

// In lists statuses, written with spaces between.
func In(statuses string) []scalar.Enum {
	var out []scalar.Enum
	for _, s := range strings.Fields(statuses) {
		out = append(out, scalar.Enum(s))
	}
	return out
}

// Who decides whether a viewer may take an action on a row; the row is nil when the action
// makes it. The row's community is in the viewer's scope.
type Who[T any] func(v *authz.Viewer, row *T) bool

// Holding lets in who holds any of the roles.
func Holding[T any](roles ...authz.Role) Who[T] {
	return func(v *authz.Viewer, _ *T) bool { return v.Has(roles...) }
}

// Named lets in the resident whom a row names; nobody where it names none.
func Named[T any](resident func(*T) *uuid.UUID) Who[T] {
	return func(v *authz.Viewer, row *T) bool {
		owner, id, ok := Self(v)
		if !ok || row == nil || any(row).(Node).Base().Owner != owner {
			return false
		}
		who := resident(row)
		return who != nil && *who == id
	}
}

// Or lets in whom either lets in.
func (w Who[T]) Or(other Who[T]) Who[T] {
	return func(v *authz.Viewer, row *T) bool { return w(v, row) || other(v, row) }
}

// Edit is the part that inputs of changes share. Embed it.
type Edit struct {
	ID             string
	Version        *int // that the client saw; nil: whichever
	IdempotencyKey *string
}

// Change is what a step writes besides the status.
type Change struct {
	Set  Values
	Note string // for the log, of class P1; "" for none
}

// Take makes the command of an action on an existing row. change looks at the locked row, may
// write other tables, and says what to set; it runs after every check of the machine.
func (m *Machine[T]) Take(action string, e Edit, input any, change func(tx *Tx, row *T) (Change, error)) (Command, error) {
	id, err := page.ParseID(e.ID)
	if err != nil {
		return Command{}, fault.Of(err).At("id")
	}
	if id.Type != m.Table.Type {
		return Command{}, fault.Newf(fault.BadUserInput, "the id is not one of a %s", m.Table.Type).At("id")
	}
	c := m.command(action, id.Owner, id.UUID, input)
	if e.IdempotencyKey != nil {
		c.Key = *e.IdempotencyKey
	}
	c.Do = func(tx *Tx) error {
		row, err := lock(tx, m.Table, id.UUID)
		if err != nil {
			return err
		}
		t, err := m.allow(tx.Ask, action, e.Version, row)
		if err != nil {
			return err
		}
		ch, err := change(tx, row)
		if err != nil {
			return err
		}
		from, _ := m.State(row)
		set := Values{}
		maps.Copy(set, ch.Set)
		if t.To != "" {
			set["status"] = t.To
		}
		to, moves := set["status"].(scalar.Enum)
		if !moves {
			to = from
		}
		if err := tx.Update(m.Table.Table, id.UUID, set); err != nil {
			return err
		}
		return m.record(tx, id.UUID, action, from, to, ch.Note)
	}
	return c, nil
}

// Begin makes the command of the action that makes a row; key is required.
func (m *Machine[T]) Begin(action, owner, key string, input any, change func(tx *Tx) (Change, error)) (Command, error) {
	if key == "" {
		return Command{}, fault.Newf(fault.BadUserInput, "an idempotency key is needed: any text that is new for each thing you make").At("idempotencyKey")
	}
	id, err := uuid.NewV7()
	c := m.command(action, owner, id, input)
	c.Key, c.Creates = key, true
	c.Do = func(tx *Tx) error {
		if _, err := m.allow(tx.Ask, action, nil, nil); err != nil {
			return err
		}
		ch, err := change(tx)
		if err != nil {
			return err
		}
		return m.begin(tx, id, action, ch)
	}
	return c, err
}

// begin writes a new row with its log row and event.
func (m *Machine[T]) begin(tx *Tx, id uuid.UUID, action string, ch Change) error {
	if to := m.first(action).To; to != "" {
		ch.Set["status"] = to
	}
	to, _ := ch.Set["status"].(scalar.Enum)
	if err := tx.Insert(m.Table.Table, id, ch.Set); err != nil {
		return err
	}
	return m.record(tx, id, action, "", to, ch.Note)
}

func (m *Machine[T]) command(action, owner string, id uuid.UUID, input any) Command {
	return Command{Operation: action + m.Table.Type, Owner: owner, ID: id, Input: input, Rules: m.Rules}
}

// first returns the first line of an action. One that no line has is a mistake of ours.
func (m *Machine[T]) first(action string) *Transition[T] {
	i := slices.IndexFunc(m.Transitions, func(t Transition[T]) bool { return t.Action == action })
	if i < 0 {
		panic("store: " + m.Table.Type + " has no action " + action)
	}
	return &m.Transitions[i]
}

// allow finds the line by which the viewer may take the action now: FORBIDDEN for whom none
// lets in, CONFLICT for a stale version, INVALID_TRANSITION from another state.
func (m *Machine[T]) allow(ask *Ask, action string, version *int, row *T) (*Transition[T], error) {
	var lines []*Transition[T]
	for i := range m.Transitions {
		if t := &m.Transitions[i]; t.Action == action && t.Who(ask.Viewer, row) {
			lines = append(lines, t)
		}
	}
	if len(lines) == 0 {
		return nil, fault.Newf(fault.Forbidden, "this action is not for you to take")
	}
	if row == nil {
		return lines[0], nil
	}
	status, now := m.State(row)
	if version != nil && *version != now {
		return nil, fault.Newf(fault.Conflict, "somebody changed it since you read it: read it again").At("version").With("version", now)
	}
	i := slices.IndexFunc(lines, func(t *Transition[T]) bool { return slices.Contains(t.From, status) })
	if i < 0 {
		allowed := m.Allowed(ask.Viewer, row)
		what := "nothing that you may do"
		if len(allowed) > 0 {
			what = strings.Join(allowed, ", ")
		}
		return nil, fault.Newf(fault.InvalidTransition, "its status is %s, which allows: %s", status, what).With("allowed", allowed)
	}
	if guard := lines[i].Guard; guard != nil {
		return lines[i], guard(ask, row)
	}
	return lines[i], nil
}

// Allowed lists the actions that a row's state and the viewer's roles allow, as the machine has
// them; guards are not asked.
func (m *Machine[T]) Allowed(v *authz.Viewer, row *T) []string {
	status, _ := m.State(row)
	out := []string{}
	for _, t := range m.Transitions {
		if slices.Contains(t.From, status) && t.Who(v, row) && !slices.Contains(out, t.Action) {
			out = append(out, t.Action)
		}
	}
	return out
}

// record leaves the log row and the event of a step.
func (m *Machine[T]) record(tx *Tx, id uuid.UUID, action string, from, to scalar.Enum, note string) error {
	var err error
	if m.Log == "" {
		err = tx.Audit(action, m.Table.Type, id, Values{"from": from, "to": to})
	} else {
		_, post, _ := Post(tx.Ask.Viewer)
		_, err = tx.exec("INSERT INTO "+m.Log+" (owner, "+m.LogKey+", at, action, from_status, to_status, principal, note, by_post_id) "+
			"VALUES ($1, $2, $3, $4, nullif($5, ''), $6, $7, nullif($8, ''), (SELECT id FROM staff_posts WHERE owner = $1 AND id = $9))",
			tx.Owner, id, tx.Now(), action, from, to, tx.Principal(), note, post)
	}
	if err != nil {
		return err
	}
	return tx.Emit(m.Topic, m.Table.Type, id, Values{"action": action, "status": to})
}
