package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"countersign/internal/adapter/sqlstore/engine"
)

// column ties a column to the field it fills: at is a *string, *int, *int64, *bool, *[]byte or *time.Time, or coded.
// Only a []byte may be NULL, and NULL is how none rests. A time rests as microseconds since 1970, 0 for the zero time.
type column struct {
	name string
	at   any
}

// coded is a field that rests as a text of its own making.
type coded interface {
	decode(text string) error
	encode() (string, error)
}

// table is a noun's list of columns. SELECT, INSERT and scan are all made from this one list, so that none can differ
// in its order; the engines compare its names and kinds with what the database says about each statement.
type table[T any] struct {
	name    string
	columns func(*T) []column
	shape   engine.Shape
	list    string    // the columns with their table, for SELECT and RETURNING
	spare   sync.Pool // of *binding[T]
}

// binding is a value and the columns that point into it: made once, used for many rows.
type binding[T any] struct {
	v       T
	columns []column
}

// newTable makes the table of a noun. A result that comes of no table has no name.
func newTable[T any](name string, columns func(*T) []column) *table[T] {
	t := &table[T]{name: name, columns: columns}
	t.spare.New = func() any {
		b := &binding[T]{}
		b.columns = columns(&b.v)
		return b
	}
	var names []string
	for _, c := range columns(new(T)) {
		t.shape = append(t.shape, engine.Column{Name: c.name, Kind: c.kind()})
		if name != "" {
			c.name = name + "." + c.name
		}
		names = append(names, c.name)
	}
	t.list = strings.Join(names, ", ")
	return t
}

// single is a result of one column.
func single[T any](name string) *table[T] {
	return newTable("", func(v *T) []column { return []column{{name, v}} })
}

// from is a SELECT of the table; rest begins behind its name.
func (t *table[T]) from(rest string) string {
	return "SELECT " + t.list + " FROM " + t.name + " " + rest
}

// joined is the list for a result that has columns of other tables too, where a name needs its table to be one column's.
func (t *table[T]) joined() (list string, shape engine.Shape) {
	var names []string
	for _, c := range t.shape {
		name := t.name + "." + c.Name
		names = append(names, name+` AS "`+name+`"`)
		shape = append(shape, engine.Column{Name: name, Kind: c.Kind})
	}
	return strings.Join(names, ", "), shape
}

// returning makes a write give the rows it touched.
func (t *table[T]) returning(write string) string { return write + " RETURNING " + t.list }

// insert is an INSERT of the table's columns and of more, whose values come last.
func (t *table[T]) insert(more ...string) string {
	var names, values []string
	for _, c := range t.shape {
		names = append(names, c.Name)
	}
	names = append(names, more...)
	for i := range names {
		values = append(values, placeholder(i+1))
	}
	return "INSERT INTO " + t.name + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
}

// update is an UPDATE of all columns but the first, which names the row.
func (t *table[T]) update() string {
	var set []string
	for i, c := range t.shape[1:] {
		set = append(set, c.Name+" = "+placeholder(i+2))
	}
	return "UPDATE " + t.name + " SET " + strings.Join(set, ", ") + " WHERE " + t.shape[0].Name + " = $1"
}

// scan reads a row whose columns of this table begin at from.
func (t *table[T]) scan(r engine.Row, from int) (v T, err error) {
	b := t.spare.Get().(*binding[T])
	for i := range b.columns {
		if err = b.columns[i].read(r, from+i); err != nil {
			break
		}
	}
	if err == nil {
		v = b.v
	}
	t.keep(b)
	return v, err
}

// values are those of an INSERT, with room for more.
func (t *table[T]) values(v T, more ...any) (args []any, err error) {
	b := t.spare.Get().(*binding[T])
	defer t.keep(b)
	b.v = v
	args = make([]any, 0, len(b.columns)+len(more))
	for i := range b.columns {
		a, err := b.columns[i].value()
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	return append(args, more...), nil
}

// keep empties a binding for its next row.
func (t *table[T]) keep(b *binding[T]) {
	b.v = *new(T)
	t.spare.Put(b)
}

func (c *column) kind() engine.Kind {
	switch c.at.(type) {
	case *string, coded:
		return engine.Text
	case *int, *int64, *time.Time:
		return engine.Int
	case *bool:
		return engine.Bool
	case *[]byte:
		return engine.Bytes
	}
	panic(fmt.Sprintf("column %s is tied to a %T", c.name, c.at)) // a mistake in the program, seen at its start
}

// read fills the field from column i of a row.
func (c *column) read(r engine.Row, i int) error {
	ok := false
	switch at := c.at.(type) {
	case *string:
		*at, ok = r.Text(i)
	case *int:
		var n int64
		n, ok = r.Int(i)
		*at = int(n)
	case *int64:
		*at, ok = r.Int(i)
	case *time.Time:
		var n int64
		if n, ok = r.Int(i); n != 0 {
			*at = time.UnixMicro(n).UTC()
		}
	case *bool:
		*at, ok = r.Bool(i)
	case *[]byte:
		*at, ok = r.Bytes(i)
	case coded:
		text, is := r.Text(i)
		if is {
			if err := at.decode(text); err != nil {
				return fmt.Errorf("column %s: %w", c.name, err)
			}
		}
		ok = is
	}
	if !ok {
		return engine.WrongType(c.name, c.kind())
	}
	return nil
}

// value is what rests of the field.
func (c *column) value() (any, error) {
	switch at := c.at.(type) {
	case *string:
		return *at, nil
	case *int:
		return int64(*at), nil
	case *int64:
		return *at, nil
	case *time.Time:
		return micros(*at), nil
	case *bool:
		return *at, nil
	case *[]byte:
		return blob(*at), nil
	case coded:
		text, err := at.encode()
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		return text, nil
	}
	return nil, nil // see kind
}

// asJSON is a field that rests as JSON; empty is the text of none.
type asJSON struct {
	at    any
	empty string
}

func (j asJSON) decode(text string) error {
	if text == j.empty {
		return nil
	}
	return json.Unmarshal([]byte(text), j.at)
}

func (j asJSON) encode() (string, error) {
	b, err := json.Marshal(j.at)
	if err != nil || string(b) == "null" {
		return j.empty, err
	}
	return string(b), nil
}

// micros is how a time rests.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// blob makes NULL of no bytes.
func blob(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}
