package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/fault"
)

// Command is one write to one community, made of a mutation's input.
type Command struct {
	Operation string    // the space of the idempotency key: what is done to which type
	Owner     string    // whose row it is
	ID        uuid.UUID // of the row that is made or changed
	Creates   bool      // the row is made, not changed
	Key       string    // the client's idempotency key; "" without one
	Input     any       // what was asked for: a key goes with one input only
	Rules     Rules     // what broken constraints mean
	Do        func(tx *Tx) error
}

// Input is a mutation's input that says what is to be written.
type Input interface {
	Command(ask *Ask) (Command, error)
}

// Rules say, by the name of a constraint or of a rule that a trigger raises, what it means to
// the person whose write broke it.
type Rules map[string]*fault.Error

// Values are columns and what is written to them.
type Values map[string]any

// Writer is a source that can be written; *database.DB is one.
type Writer interface {
	Write(ctx context.Context, s database.Scope, fn func(context.Context, *sqlx.Tx) error) error
}

// Tx is the transaction of one command. It ends with the call it is handed to, and so may
// carry that call's context.
type Tx struct {
	Ask   *Ask
	Owner string
	ID    uuid.UUID // of the command's row

	ctx context.Context
	tx  *sqlx.Tx
}

// Write runs a command in one transaction of the source that holds its owner, and returns the
// row as the viewer sees it at the transaction's end. A command that was done before with the
// same key is not done again; its row is returned as it is now.
//
// Errors: what Do refuses, FORBIDDEN or NOT_FOUND for owners out of sight, CONFLICT for a key
// that was used for something else; beside these, errors of the source. After each of them but
// COMMIT_UNKNOWN nothing is written.
func Write[T any](ctx context.Context, dst Writer, ask *Ask, t *Table[T], c Command) (row *T, err error) {
	ask, err = ask.writing(c)
	if err != nil {
		return nil, err
	}
	scope := database.Scope{Owners: []string{c.Owner}, Principal: ask.Viewer.Principal, Class: ask.Budget}
	err = dst.Write(ctx, scope, func(ctx context.Context, sqlTx *sqlx.Tx) error {
		tx := &Tx{Ask: ask, Owner: c.Owner, ID: c.ID, ctx: ctx, tx: sqlTx}
		if done, err := tx.claim(c); err != nil {
			return err
		} else if !done {
			if err := c.Do(tx); err != nil {
				return err
			}
		}
		row, err = readBack(tx, t)
		return err
	})
	if err != nil {
		return nil, c.Rules.translate(err)
	}
	return row, nil
}

// writing is the ask under which a command runs. Roles hold in the viewer's communities; in
// their own community people are the resident they are, also when their token does not list it.
func (a *Ask) writing(c Command) (*Ask, error) {
	v := a.Viewer
	if !v.Covers(c.Owner) {
		home, _, ok := Self(v)
		switch {
		case ok && home == c.Owner:
			v = &authz.Viewer{Principal: v.Principal, Roles: []authz.Role{authz.Resident},
				Communities: []string{home}, Resident: v.Resident, At: v.At}
		case c.Creates:
			return nil, fault.Newf(fault.Forbidden, "the community lies outside your scope")
		default:
			return nil, notFound
		}
	}
	w := *a
	w.Viewer, w.wrote = v, true
	return &w, nil
}

var notFound = fault.Newf(fault.NotFound, "nothing that you may see has this id").At("id")

// maxKey bounds an idempotency key. Chosen: room for any id a client may make up.
const maxKey = 200

// claim records the command's key and reports whether it was done before; tx.ID is then the row
// it was done to. A rival with the same key waits here until this transaction ends.
func (tx *Tx) claim(c Command) (done bool, err error) {
	if c.Key == "" {
		return false, nil
	}
	if len(c.Key) > maxKey {
		return false, fault.Newf(fault.BadUserInput, "an idempotency key has at most %d bytes", maxKey).At("idempotencyKey")
	}
	print, err := fingerprint(c)
	if err != nil {
		return false, err
	}
	principal := tx.Ask.Viewer.Principal
	claimed, err := tx.exec(`INSERT INTO idempotency_keys (owner, principal, operation, key, fingerprint, response)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		c.Owner, principal, c.Operation, c.Key, print, JSON{map[string]any{"id": c.ID}})
	if err != nil || claimed == 1 {
		return false, err
	}
	var had string
	if _, err := tx.Get(`SELECT fingerprint, (response->>'id')::uuid FROM idempotency_keys
		WHERE owner = $1 AND principal = $2 AND operation = $3 AND key = $4`,
		[]any{c.Owner, principal, c.Operation, c.Key}, &had, &tx.ID); err != nil {
		return false, err
	}
	if had != print {
		return false, fault.Newf(fault.Conflict, "this idempotency key was used for another input").At("idempotencyKey")
	}
	return true, nil
}

func fingerprint(c Command) (string, error) {
	b, err := json.Marshal(c.Input)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}

// readBack reads the command's row with the columns that the operation selects.
func readBack[T any](tx *Tx, t *Table[T]) (*T, error) {
	var ks keys
	ks.add(tx.Owner, tx.ID)
	rows, err := t.byKeys(tx.ctx, tx, tx.Ask, &ks)
	if err != nil {
		return nil, err
	}
	if rows[0] == nil {
		return nil, notFound
	}
	return rows[0], nil
}

// Query makes a transaction a Source, read as the writer.
func (tx *Tx) Query(ctx context.Context, q database.Query, rows func(*sql.Rows) error) error {
	rs, err := tx.tx.QueryContext(ctx, q.SQL, q.Args...)
	if err != nil {
		return err
	}
	defer rs.Close()
	return errors.Join(rows(rs), rs.Err())
}

// Now is the instant of the request.
func (tx *Tx) Now() time.Time { return tx.Ask.Viewer.At }

// Principal is who writes.
func (tx *Tx) Principal() string { return tx.Ask.Viewer.Principal }

// Get reads one row into dest and reports whether there is one.
func (tx *Tx) Get(query string, args []any, dest ...any) (found bool, err error) {
	err = tx.tx.QueryRowContext(tx.ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (tx *Tx) exec(query string, args ...any) (rows int64, err error) {
	result, err := tx.tx.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Insert adds a row of the owner. Table and columns are constants of the program.
func (tx *Tx) Insert(table string, id uuid.UUID, v Values) error {
	columns, places, args := "owner, id", "$1, $2", []any{tx.Owner, id}
	for _, c := range slices.Sorted(maps.Keys(v)) {
		args = append(args, v[c])
		columns += ", " + c
		places += fmt.Sprintf(", $%d", len(args))
	}
	_, err := tx.exec("INSERT INTO "+table+" ("+columns+") VALUES ("+places+")", args...)
	return err
}

// Update changes a row of the owner, which must be there.
func (tx *Tx) Update(table string, id uuid.UUID, v Values) error {
	args := []any{tx.Owner, id}
	var set []string
	for _, c := range slices.Sorted(maps.Keys(v)) {
		args = append(args, v[c])
		set = append(set, fmt.Sprintf("%s = $%d", c, len(args)))
	}
	n, err := tx.exec("UPDATE "+table+" SET "+strings.Join(set, ", ")+" WHERE owner = $1 AND id = $2", args...)
	if err == nil && n != 1 {
		err = fmt.Errorf("update of %s: %d rows", table, n)
	}
	return err
}

// Emit tells other systems, once the transaction commits, that a row changed. The detail is
// read by them and must hold nothing personal.
func (tx *Tx) Emit(topic, typ string, id uuid.UUID, detail Values) error {
	_, err := tx.exec("INSERT INTO outbox_events (owner, topic, entity_type, entity_id, payload, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
		tx.Owner, topic, typ, id, JSON{detail}, tx.Now())
	return err
}

// Audit adds to the log of writes. The detail names fields, never values.
func (tx *Tx) Audit(action, typ string, id uuid.UUID, detail Values) error {
	_, err := tx.exec("INSERT INTO audit_log (owner, at, principal, action, entity_type, entity_id, purpose, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		tx.Owner, tx.Now(), tx.Principal(), action, typ, id, tx.Ask.Viewer.Purpose, JSON{detail})
	return err
}

// lock reads a row with all its columns and keeps others from changing it until the
// transaction ends; NOT_FOUND when the viewer may not see it.
func lock[T any](tx *Tx, t *Table[T], id uuid.UUID) (*T, error) {
	ask := *tx.Ask
	ask.wrote = false
	var w Where
	w.And("t.owner = ? AND t.id = ?", tx.Owner, id)
	t.onlyOwn(&ask, &w)
	all := mask(1)<<len(t.columns) - 1
	var row *T
	q := database.Query{SQL: "SELECT " + t.columnList(all, "") + " FROM " + t.Table + " t WHERE " + w.String() + " FOR UPDATE OF t", Args: w.args}
	r := t.reader(all, ask.Log)
	err := each(tx.ctx, tx, q, func(rs *sql.Rows) (err error) {
		row, err = r.read(rs)
		return err
	})
	if err == nil && row == nil {
		err = notFound
	}
	return row, err
}

// translate turns a broken constraint into what it means. One that no rule names is left alone:
// it is a fault of ours, except for text that PostgreSQL cannot hold.
func (r Rules) translate(err error) error {
	v := database.ViolationOf(err)
	if v == nil {
		return err
	}
	if rule := r[v.Constraint]; rule != nil {
		return rule.Because(err)
	}
	if strings.HasPrefix(v.SQLState, "22") {
		return fault.Newf(fault.BadUserInput, "a value cannot be stored: it is out of range or holds a character that text cannot have").Because(err)
	}
	return err
}

// UserError is a rule that a write broke, in a payload.
type UserError struct {
	Code           string
	Message        string
	Path           []string
	CurrentVersion *int
	Allowed        []string
}

// UserErrors returns the rules that a write broke; nil when the error is none of the writer's
// making and belongs beside the data.
func UserErrors(err error) []UserError {
	f := fault.Of(err)
	switch f.Code {
	case fault.BadUserInput, fault.Forbidden, fault.NotFound, fault.Conflict, fault.InvalidTransition:
	default:
		return nil
	}
	u := UserError{Code: string(f.Code), Message: f.Message, Path: f.Path}
	if u.Path == nil {
		u.Path = []string{}
	}
	if version, ok := f.Extensions["version"].(int); ok {
		u.CurrentVersion = &version
	}
	u.Allowed, _ = f.Extensions["allowed"].([]string)
	return []UserError{u}
}
