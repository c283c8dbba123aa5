package postgres

import (
	"encoding/binary"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"countersign/internal/adapter/sqlstore/engine"
)

// row is one row in PostgreSQL's binary format. Its types are checked once a statement: what is left is NULL.
type row [][]byte

func (r *row) Null(i int) bool { return (*r)[i] == nil }

func (r *row) Text(i int) (string, bool) { return string((*r)[i]), (*r)[i] != nil }

func (r *row) Int(i int) (int64, bool) {
	switch b := (*r)[i]; len(b) {
	case 8:
		return int64(binary.BigEndian.Uint64(b)), true
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b))), true
	}
	return 0, false
}

func (r *row) Bool(i int) (bool, bool) {
	b := (*r)[i]
	return len(b) == 1 && b[0] == 1, len(b) == 1
}

func (r *row) Bytes(i int) ([]byte, bool) { return append([]byte(nil), (*r)[i]...), true }

// kinds are the types of PostgreSQL that the schema knows.
var kinds = map[uint32]engine.Kind{pgtype.TextOID: engine.Text, pgtype.Int8OID: engine.Int, pgtype.Int4OID: engine.Int,
	pgtype.BoolOID: engine.Bool, pgtype.ByteaOID: engine.Bytes}

// eachRow hands on the rows of a result that is as it must be.
func eachRow(rows pgx.Rows, want *engine.Shape, each func(engine.Row) error) error {
	defer rows.Close()
	if err := check(rows, want); err != nil {
		return err
	}
	var r row
	for rows.Next() {
		r = rows.RawValues()
		if err := each(&r); err != nil {
			return err
		}
	}
	rows.Close()
	return rows.Err()
}

// check compares a result with what it must be. A statement that failed has none.
func check(rows pgx.Rows, want *engine.Shape) error {
	columns := rows.FieldDescriptions()
	if len(columns) == 0 {
		return nil
	}
	if err := want.Check(len(columns), func(i int) string { return columns[i].Name }); err != nil {
		return err
	}
	for i, c := range *want {
		k, known := kinds[columns[i].DataTypeOID]
		if !known || k != c.Kind || columns[i].Format != pgx.BinaryFormatCode && k != engine.Text {
			return engine.WrongType(c.Name, c.Kind)
		}
	}
	return nil
}
