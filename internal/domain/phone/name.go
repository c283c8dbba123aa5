package phone

import (
	"strconv"
	"strings"
)

// FreeName is the name itself, or the name with a number behind it when another of the person's phones bears it
// already: two entries of one list must not read the same (D-07). self is the ID of the phone to be named, which
// may be among all; "" for a new one.
func FreeName(name string, all []Phone, self string) string {
	free := name
	for n := 2; taken(free, all, self); n++ {
		tail := " " + strconv.Itoa(n)
		head := []rune(name)
		free = strings.TrimSpace(string(head[:min(len(head), maxName-len(tail))])) + tail
	}
	return free
}

func taken(name string, all []Phone, self string) bool {
	for _, p := range all {
		if p.ID != self && strings.EqualFold(p.Name, name) {
			return true
		}
	}
	return false
}

// Labels gives each phone the name that lists show, by ID. Names that are the same, as records from before FreeName
// may have, are told apart by the last digits of the number, else by the model, else by their age.
func Labels(all []Phone) map[string]string {
	labels := make(map[string]string, len(all))
	seen := make(map[string]bool, len(all))
	for _, p := range all {
		label := p.Name
		if taken(p.Name, all, p.ID) {
			switch {
			case len(p.Number) > 4:
				label += " (…" + p.Number[len(p.Number)-4:] + ")"
			case p.Model != "" && !strings.EqualFold(p.Model, p.Name):
				label += " (" + p.Model + ")"
			}
		}
		for n := 2; seen[strings.ToLower(label)]; n++ {
			label = p.Name + " (" + strconv.Itoa(n) + ")"
		}
		seen[strings.ToLower(label)] = true
		labels[p.ID] = label
	}
	return labels
}
