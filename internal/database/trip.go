package database

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
)

// trip is what goes to the server in one message: for each query its settings, where they differ
// from those before it, and an EXECUTE. The server takes such a message for one transaction, so
// SET LOCAL ends with it.
type trip struct {
	legs  []leg
	class Budget

	sent int // how many of the legs went; the rest follow in a message of their own
	done int // how many of those are answered
}

// leg is one query of a trip.
type leg struct {
	i         int    // its number with the caller
	text      string // of the statement
	settings  string // ending in a semicolon
	arguments string // with their parentheses
	onePlan   bool
}

// leg prepares query i.
func (d *DB) leg(i int, q Query) (leg, error) {
	var settings strings.Builder
	if q.Access == Writer {
		settings.WriteString("SET LOCAL transaction_read_only = on;")
	}
	if err := d.settings(&settings, q.Access, scope{owners: q.Owners, class: q.Class}); err != nil {
		return leg{}, err
	}
	arguments, err := literals(q.Args)
	return leg{i, q.SQL, settings.String(), arguments, q.OnePlan}, err
}

// run sends as many queries as can go and hands over their rows. fresh says that the first
// query without an answer has shown no rows.
func (t *trip) run(ctx context.Context, p *sql.DB, each func(i int, rs *sql.Rows)) (fresh bool, err error) {
	rows, err := p.QueryContext(detached{ctx}, "", t)
	if err != nil {
		return true, err
	}
	defer rows.Close()
	for t.done < t.sent {
		if t.done > 0 && !rows.NextResultSet() {
			return true, cmp.Or(rows.Err(), errShort)
		}
		each(t.legs[t.done].i, rows)
		for rows.Next() { // what each left unread
		}
		if err := rows.Err(); err != nil {
			// An EXECUTE runs to its end before it shows a row: a refusal that comes after this
			// query's rows is the next one's. Of a cancellation nobody can tell.
			refused := refusal(err)
			if refused {
				t.done++
			}
			return refused, err
		}
		t.done++
	}
	return false, rows.Close()
}

var errShort = errors.New("the server answered fewer statements than were sent")

// refusal reports whether one statement was refused on its merits.
func refusal(err error) bool {
	v := ViolationOf(err)
	return v != nil && !unavailableClass(v.SQLState) && !strings.HasPrefix(v.SQLState, "XX")
}

// travel sends a trip over this connection.
func (c *conn) travel(ctx context.Context, t *trip) (driver.Rows, error) {
	c.class = t.class
	if err := c.arm(ctx); err != nil {
		return nil, err
	}
	t.sent, t.done = 0, 0
	for text := range c.names { // now: what the message names must stay
		if len(c.names)+len(t.legs) <= maxStatements {
			break
		}
		if err := c.drop(ctx, text); err != nil {
			return nil, err
		}
	}
	var message []byte
	settings, mode := "", planMode(false)
	for i, l := range t.legs {
		name, err := c.named(ctx, l.text)
		if err != nil && i == 0 {
			return nil, err
		}
		if err != nil {
			break // it will be the first of its own message, and fail there
		}
		if l.settings != settings {
			settings = l.settings
			message = append(message, settings...)
		}
		if m := planMode(l.onePlan); m != mode {
			mode = m
			message = append(message, mode...)
		}
		message = append(append(append(message, "EXECUTE "...), name...), l.arguments...)
		message = append(message, ';')
		t.sent++
		c.connector.db.stats.count(ctx, c.connector.db.cfg.Key)
	}
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, string(message), nil)
	if err != nil {
		return nil, c.checkName(t.legs[0].text, err)
	}
	return &answers{Rows: rows, c: c, t: t}, nil
}

func planMode(one bool) string {
	if one {
		return "SET LOCAL plan_cache_mode = force_generic_plan;"
	}
	return "SET LOCAL plan_cache_mode = auto;" // the server's default
}

// answers are the rows of a trip.
type answers struct {
	driver.Rows
	c *conn
	t *trip
}

func (a *answers) Next(dest []driver.Value) error {
	if a.HasNextResultSet() {
		return io.EOF // lib/pq would read on, into the rows of the next statement
	}
	err := a.Rows.Next(dest)
	if err != nil && a.t.done+1 < a.t.sent {
		return a.c.checkName(a.t.legs[a.t.done+1].text, err)
	}
	return err
}

func (a *answers) HasNextResultSet() bool {
	return a.Rows.(driver.RowsNextResultSet).HasNextResultSet()
}
func (a *answers) NextResultSet() error { return a.Rows.(driver.RowsNextResultSet).NextResultSet() }

// name is how a connection knows a statement; stale since the schema changed.
type name struct {
	text  string
	stale bool
}

// named returns the name of the statement for text, preparing it on first use.
func (c *conn) named(ctx context.Context, text string) (string, error) {
	n, known := c.names[text]
	if known && !n.stale {
		return n.text, nil
	}
	if known {
		if err := c.drop(ctx, text); err != nil {
			return "", err
		}
	}
	if c.names == nil {
		c.names = make(map[string]name)
	}
	c.prepares++
	n = name{text: "linhui_" + strconv.Itoa(c.prepares)}
	if err := c.exec(ctx, "PREPARE "+n.text+" AS "+text); err != nil {
		return "", err
	}
	c.names[text] = n
	return n.text, nil
}

func (c *conn) drop(ctx context.Context, text string) error {
	n := c.names[text].text
	delete(c.names, text)
	return c.exec(ctx, "DEALLOCATE "+n)
}

func (c *conn) exec(ctx context.Context, text string) error {
	_, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, text, nil)
	return err
}

// checkName is checkPlan for named statements. The connection may still be reading: a name that
// the server knows is given up when it is next asked for.
func (c *conn) checkName(text string, err error) error {
	if !isStalePlan(err) {
		return err
	}
	if refusedWith(err, "26000") {
		delete(c.names, text)
	} else {
		c.names[text] = name{text: c.names[text].text, stale: true}
	}
	return stalePlan{err}
}

// literals writes arguments as literals, each the text that its type reads: what lib/pq sends
// beside a prepared statement.
func literals(args []any) (string, error) {
	var b []byte
	for i, a := range args {
		open := byte(',')
		if i == 0 {
			open = '('
		}
		if v := reflect.ValueOf(a); v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8 {
			a = pq.Array(a) // as lib/pq takes it
		}
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return "", err
		}
		if b, err = literal(append(b, open), v); err != nil {
			return "", err
		}
	}
	if len(args) > 0 {
		b = append(b, ')')
	}
	return string(b), nil
}

func literal(b []byte, v driver.Value) ([]byte, error) {
	text := ""
	switch v := v.(type) {
	case nil:
		return append(b, "NULL"...), nil
	case string:
		text = v
	case int64:
		text = strconv.FormatInt(v, 10)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		text = strconv.FormatBool(v)
	case time.Time:
		text = string(pq.FormatTimestamp(v))
	case []byte:
		text = `\x` + hex.EncodeToString(v)
	default:
		return nil, fmt.Errorf("an argument of type %T cannot be sent", v)
	}
	if strings.IndexByte(text, 0) >= 0 { // the message would end there
		return nil, &Violation{SQLState: "22021", Message: "a text holds a NUL"}
	}
	return append(b, pq.QuoteLiteral(text)...), nil
}
