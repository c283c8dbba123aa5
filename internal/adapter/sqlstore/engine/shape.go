package engine

import "fmt"

// Kind is what a column of a result may hold.
type Kind int

const (
	Text Kind = iota
	Int       // of 64 bits or fewer
	Bool
	Bytes // or NULL
)

func (k Kind) String() string { return [...]string{"a text", "a number", "a truth value", "bytes"}[k] }

// Column is one column of a result.
type Column struct {
	Name string
	Kind Kind
}

// Shape is what the result of a statement must look like, column by column. Engines compare it with what the database says
// about the statement, so it is looked at once a statement and not once a row.
type Shape []Column

// Check compares the shape with a result of n columns whose names are given by name.
func (s *Shape) Check(n int, name func(i int) string) error {
	for i, c := range *s {
		if i >= n {
			return fmt.Errorf("column %s is missing: the result has %d columns, not %d", c.Name, n, len(*s))
		}
		if have := name(i); have != c.Name {
			return fmt.Errorf("column %d is %s where %s is expected", i+1, have, c.Name)
		}
	}
	if n > len(*s) {
		return fmt.Errorf("column %s is not expected", name(len(*s)))
	}
	return nil
}

// WrongType is the error for a column that does not hold what it must.
func WrongType(name string, k Kind) error {
	return fmt.Errorf("column %s does not hold %s", name, k)
}
