package server

import "testing"

// Under a flood the collector took three fifths of the processors, to keep the memory of a server small that had none to
// spare.
func TestACollectorThatCostsMuchGetsMoreRoom(t *testing.T) {
	m := memory{garbage: leastGarbage}
	for i, c := range []struct{ collected, busy, want float64 }{
		{0.6, 1, 2 * leastGarbage}, {1.2, 2, 4 * leastGarbage}, {1.8, 3, mostGarbage}, {2.4, 4, mostGarbage},
		{2.7, 5, mostGarbage}, {2.7, 6, mostGarbage / 2}, {2.7, 6, mostGarbage / 4}, {2.7, 7, leastGarbage},
	} {
		if m.allow(c.collected, c.busy); m.garbage < c.want-1e-9 || m.garbage > c.want+1e-9 {
			t.Errorf("step %d: %f, want %f", i, m.garbage, c.want)
		}
	}
}
