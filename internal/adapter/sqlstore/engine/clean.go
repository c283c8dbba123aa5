package engine

import (
	"strings"
	"unicode/utf8"
)

// Clean replaces, in place, what PostgreSQL refuses in the texts among a statement's values (bad UTF-8, NUL). SQLite would take
// it, but a browser's strange header must mean the same on both. The replacement character matches no key.
func Clean(args []any) []any {
	for i, a := range args {
		if s, ok := a.(string); ok && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
			args[i] = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
		}
	}
	return args
}
