package server

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// smallHeap is the memory, in bytes, below which the garbage collector is left to itself.
const smallHeap = 256 << 20

// memory is what was measured last, for the soft limit of the next second.
type memory struct {
	collected, busy float64 // processor seconds of the garbage collector, and of everything
	garbage         float64 // how much garbage there may be, as a share of what is in use
}

// The share of garbage. A sixth keeps waiting pages small; as much as is in use is Go's own measure.
const (
	leastGarbage = 1.0 / 6
	mostGarbage  = 1.0
)

// limitMemory sets the soft limit each second until ctx ends. It waits for nothing else: under heavy load it matters most.
func limitMemory(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") != "" { // an operator's own
		return
	}
	m := memory{garbage: leastGarbage}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			m.limit(n%5 == 4)
		}
	}
}

// allow adapts the share of garbage to what collecting cost since the last call. A collector that takes two fifths of the
// processors gets more room; one that takes less than a fifth gets less.
func (m *memory) allow(collected, busy float64) {
	cost := (collected - m.collected) / max(busy-m.busy, 1e-9)
	m.collected, m.busy = collected, busy
	switch {
	case cost > 0.4:
		m.garbage = min(2*m.garbage, mostGarbage)
	case cost < 0.2:
		m.garbage = max(m.garbage/2, leastGarbage)
	}
}

// limit keeps a server with very many waiting pages small. By itself the collector lets garbage double what is in use, but
// most of that just waits: beyond smallHeap the soft limit is what is in use and a share of it. With release set, memory that
// stayed behind after a rush of visitors goes back to the system.
func (m *memory) limit(release bool) {
	read := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"},
	}
	metrics.Read(read)
	bytes, seconds := make([]uint64, len(read)), make([]float64, len(read))
	for i, s := range read {
		switch s.Value.Kind() {
		case metrics.KindUint64:
			bytes[i] = s.Value.Uint64()
		case metrics.KindFloat64:
			seconds[i] = s.Value.Float64()
		}
	}
	m.allow(seconds[5], seconds[6]-seconds[7])
	used, held := bytes[0]+bytes[1], bytes[2]-bytes[3]
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // a small heap is collected often for little; the limit below bounds a large one
	}
	debug.SetMemoryLimit(max(smallHeap, int64(float64(used)*(1+m.garbage))))
	// A connection keeps the stack its TLS handshake grew until a collection or two have halved it.
	if release && bytes[4] > 2000 && bytes[1]/bytes[4] > 9<<10 {
		runtime.GC()
	}
	if release && held > smallHeap && held > used+used/8 {
		debug.FreeOSMemory()
	}
}
