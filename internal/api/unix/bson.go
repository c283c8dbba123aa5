package unix

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
)

// document is an answer in order; both encodings come from it. Values are string, int32, int64 or document.
type document []field

type field struct {
	key   string
	value any
}

// bson writes d as the old clients read it: documents that say their own length, made of strings (0x02), documents
// (0x03) and 32-bit integers (0x10). A NUL would end a text early for a client in C, so none goes out.
func (d document) bson() []byte {
	out := make([]byte, 4, 256)
	for _, f := range d {
		switch v := f.value.(type) {
		case string:
			text := noNUL(v)
			out = binary.LittleEndian.AppendUint32(element(out, 0x02, f.key), uint32(len(text)+1))
			out = append(append(out, text...), 0)
		case document:
			out = append(element(out, 0x03, f.key), v.bson()...)
		case int32:
			out = binary.LittleEndian.AppendUint32(element(out, 0x10, f.key), uint32(v))
		case int64:
			out = binary.LittleEndian.AppendUint64(element(out, 0x12, f.key), uint64(v))
		default:
			panic(fmt.Sprintf("no BSON type for %T", v))
		}
	}
	out = append(out, 0)
	binary.LittleEndian.PutUint32(out, uint32(len(out)))
	return out
}

func element(out []byte, kind byte, key string) []byte {
	return append(append(append(out, kind), noNUL(key)...), 0)
}

func noNUL(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "") }

// MarshalJSON keeps the order.
func (d document) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, f := range d {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := json.Marshal(f.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}

// json writes d; its values always have a JSON form.
func (d document) json() []byte {
	out, err := json.Marshal(d)
	if err != nil {
		panic(err) // becomes 429
	}
	return out
}
