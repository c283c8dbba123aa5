package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// machine describes the machine on which the numbers were measured.
type machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	MemoryMB   int64   `json:"memory_mb"`
	Kernel     string  `json:"kernel"`
	Go         string  `json:"go"`
	PostgreSQL string  `json:"postgresql,omitempty"`
	SyncMS     float64 `json:"sync_ms"` // median of a durable write of 4 KiB
	Load       string  `json:"load"`    // load averages before the measurement
}

// describeMachine reads /proc (Linux). dir is on the disk that is measured.
func describeMachine(dir string) machine {
	m := machine{Cores: runtime.NumCPU(), Go: strings.TrimPrefix(runtime.Version(), "go"), CPU: field("/proc/cpuinfo", "model name"), Kernel: first("/proc/sys/kernel/osrelease")}
	kb, _ := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	m.MemoryMB, m.Load = kb/1024, strings.Join(strings.Fields(first("/proc/loadavg"))[:3], " ")
	m.SyncMS = syncTime(dir)
	return m
}

// first returns the content of a file, or question marks when it cannot be read.
func first(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "? ? ?"
	}
	return strings.TrimSpace(string(raw))
}

// field returns the value of the first line of a file that begins with name.
func field(file, name string) string {
	for line := range strings.SplitSeq(first(file), "\n") {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(strings.TrimLeft(rest, " \t:"))
		}
	}
	return "?"
}

// syncTime is the median time of a small durable write, in milliseconds.
func syncTime(dir string) float64 {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0
	}
	defer f.Close()
	var all []time.Duration
	page := make([]byte, 4096)
	for range 100 {
		begin := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0
		}
		all = append(all, time.Since(begin))
	}
	slices.Sort(all)
	return ms(all[len(all)/2])
}

// tick is the unit of times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// processTime returns the processor time of a process, 0 when it has ended (proc(5), /proc/pid/stat, fields 14 and 15).
func processTime(pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // the name of the process may contain spaces
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * tick
}

// busyTime returns the processor time of all programs on the machine.
func busyTime() time.Duration {
	line, _, _ := strings.Cut(first("/proc/stat"), "\n")
	f := strings.Fields(line)
	var busy int64
	for i, text := range f {
		if i == 0 || i == 4 || i == 5 || i > 8 { // name, idle, waiting for disks, guests (counted in user)
			continue
		}
		n, _ := strconv.ParseInt(text, 10, 64)
		busy += n
	}
	return time.Duration(busy) * tick
}

// ownTime returns the processor time of this process.
func ownTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// ms is a duration in milliseconds.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
