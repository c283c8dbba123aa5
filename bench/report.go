package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// report holds all results, and how they compare with the targets.
type report struct {
	Date    string    `json:"date"`
	Seconds float64   `json:"seconds"` // of each measurement
	Machine machine   `json:"machine"`
	SignIns []signIns `json:"sign_ins"`
	Auth    []signIns `json:"auth_api"`
	Waiting []waiting `json:"waiting"`
	Starts  []startUp `json:"starts"`
	Targets []target  `json:"targets"`
}

// target is one target and its result.
type target struct {
	Name  string `json:"name"`
	Got   string `json:"got"`
	State string `json:"state"` // "met", "not met" or "not measured"
}

// promise adds a target that was measured; format and args describe the result.
func (r *report) promise(name string, met bool, format string, args ...any) {
	t := target{Name: name, Got: fmt.Sprintf(format, args...), State: "not met"}
	if met {
		t.State = "met"
	}
	r.Targets = append(r.Targets, t)
}

// unmeasured adds a target that this run has not measured.
func (r *report) unmeasured(name string) {
	r.Targets = append(r.Targets, target{Name: name, State: "not measured"})
}

// judge compares the results with the targets. What the run has not measured is reported as such.
func (r *report) judge(p plan) {
	for _, db := range []string{"sqlite", "postgres"} {
		cost, thousand, wake, memory := db+": at most 3 times the floor's CPU", db+": 1,000 sign-ins/s, p99 under 100 ms",
			db+": wake-up p99 under 50 ms", db+": 10,000 waiting pages in under 600 MB"
		ratio, open := 0.0, signIns{}
		for _, s := range r.SignIns {
			if s.Target == db {
				ratio = max(ratio, s.Ratio)
				if strings.HasPrefix(s.Loop, "open") {
					open = s
				}
			}
		}
		if open.Done == 0 {
			r.unmeasured(cost)
			r.unmeasured(thousand)
		} else {
			r.promise(cost, ratio <= 3, "%.1f times in the worst loop, %.1f at %s", ratio, open.Ratio, open.Loop)
			// The last sign-ins end after the loop, so 97 % of the wanted rate counts as that rate.
			r.promise(thousand, p.rate >= 1000 && open.Rate >= 0.97*p.rate && open.P99 < 100 && open.Errors == 0, "%.0f/s, p99 %.0f ms, %d errors", open.Rate, open.P99, open.Errors)
		}
		r.judgeAuth(p, db)
		var many waiting
		for _, w := range r.Waiting {
			if w.Target == db && w.Pages >= many.Pages {
				many = w
			}
		}
		if many.Pages == 0 {
			r.unmeasured(wake)
			r.unmeasured(memory)
			continue
		}
		r.promise(wake, many.SentP99 < 50 && many.Answers > 0, "p99 %.1f ms with %d pages waiting", many.SentP99, many.Pages)
		if many.Pages < 9_990 {
			r.unmeasured(memory)
		} else {
			r.promise(memory, many.RSS < 600, "%.0f MB, %.0f MB ten seconds later", many.RSS, many.Settled)
		}
	}
	const name = "first answer within 100 ms of the start"
	if len(r.Starts) == 0 {
		r.unmeasured(name)
	}
	for _, s := range r.Starts {
		r.promise(name+", data "+s.State, s.Median < 100, "median %.0f ms, worst %.0f ms, %.0f MB of data", s.Median, s.Worst, s.DataMB)
	}
}

// print writes the results as tables.
func (r *report) print(out io.Writer) {
	m := r.Machine
	fmt.Fprintf(out, "%s, %g s each. %s, %d cores, %d MB, Linux %s, Go %s", r.Date, r.Seconds, m.CPU, m.Cores, m.MemoryMB, m.Kernel, m.Go)
	if m.PostgreSQL != "" {
		fmt.Fprintf(out, ", PostgreSQL %s", m.PostgreSQL)
	}
	fmt.Fprintf(out, ".\nA durable write of 4 KiB takes %.2f ms. Load average before: %s.\n", m.SyncMS, m.Load)
	loops(out, "sign-ins/s", r.SignIns)
	loops(out, "calls/s", r.Auth)
	table(out, "server\twaiting pages\topened in s\tRSS before MB\tRSS MB\tsettled MB\theap MB\tstacks MB\tgoroutines\tanswers\tsent p50 ms\tsent p99 ms\treceipt p50 ms\treceipt p99 ms\terrors\tother cores", len(r.Waiting), func(i int) string {
		w := r.Waiting[i]
		return fmt.Sprintf("%s\t%d\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t%.1f", w.Target, w.Pages, w.OpenTime, w.EmptyRSS, w.RSS, w.Settled, w.Heap, w.Stacks, w.Goroutines, w.Answers, w.SentP50, w.SentP99, w.GotP50, w.GotP99, w.Errors, w.Others)
	})
	table(out, "start on data\tMB\truns\tmedian ms\tworst ms", len(r.Starts), func(i int) string {
		s := r.Starts[i]
		return fmt.Sprintf("%s\t%.0f\t%d\t%.0f\t%.0f", s.State, s.DataMB, s.Runs, s.Median, s.Worst)
	})
	table(out, "target\tresult\tmeasured", len(r.Targets), func(i int) string {
		t := r.Targets[i]
		return fmt.Sprintf("%s\t%s\t%s", t.Name, t.State, t.Got)
	})
}

// loops writes the table of a list of loops. unit is the heading of the rate.
func loops(out io.Writer, unit string, all []signIns) {
	table(out, "server\tloop\t"+unit+"\tp50 ms\tp95 ms\tp99 ms\terrors\tCPU ms\tx floor\tdatabase ms\tload ms\tRSS MB\tother cores", len(all), func(i int) string {
		s := all[i]
		ratio := ""
		if s.Ratio > 0 {
			ratio = fmt.Sprintf("%.1f", s.Ratio)
		}
		return fmt.Sprintf("%s\t%s\t%.0f\t%.1f\t%.1f\t%.1f\t%d\t%.3f\t%s\t%.3f\t%.3f\t%.0f\t%.1f", s.Target, s.Loop, s.Rate, s.P50, s.P95, s.P99, s.Errors, s.CPU, ratio, s.Database, s.Load, s.RSS, s.Others)
	})
}

// table writes rows in columns under a heading, both with tabs between the cells. It writes nothing without rows.
func table(out io.Writer, head string, rows int, row func(int) string) {
	if rows == 0 {
		return
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for i := range rows {
		fmt.Fprintln(w, row(i))
	}
	_ = w.Flush() // the output is a terminal or a file; nothing to do about it
}

// write writes the results as JSON.
func (r *report) write(file string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}
