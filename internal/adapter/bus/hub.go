// Package bus implements flow.Bell, which wakes long polls when something changes: inside one process (Hub)
// and between several nodes over one PostgreSQL (Postgres).
//
// A ring carries the name of a topic and nothing else. It may come once too often, or in the worst case not at
// all. This is safe because a waiting caller reads the state from the database after each ring, and also
// without one from time to time.
package bus

import (
	"sync"

	"countersign/internal/flow"
)

// shards is how many locks a Hub has, so that listeners of different topics rarely wait for each other.
const shards = 64

// Hub is the bell of one process. The zero value is ready for use. It is safe for concurrent use.
type Hub struct {
	shards [shards]shard
}

type shard struct {
	mu     sync.Mutex
	topics map[string][]chan struct{}
}

var _ flow.Bell = (*Hub)(nil)

// of returns the shard of a topic, picked by its FNV-1a hash.
func (h *Hub) of(topic string) *shard {
	hash := uint32(2166136261)
	for i := 0; i < len(topic); i++ {
		hash = (hash ^ uint32(topic[i])) * 16777619
	}
	return &h.shards[hash%shards]
}

// Ring implements flow.Bell: it wakes the listeners of the topics and never waits for them. A listener that has
// not yet taken its last ring gets no second one.
func (h *Hub) Ring(topics ...string) {
	for _, topic := range topics {
		s := h.of(topic)
		s.mu.Lock()
		wake(s.topics[topic])
		s.mu.Unlock()
	}
}

// RingAll wakes the listeners of every topic. It serves when rings may have been lost.
func (h *Hub) RingAll() {
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		for _, listeners := range s.topics {
			wake(listeners)
		}
		s.mu.Unlock()
	}
}

func wake(listeners []chan struct{}) {
	for _, c := range listeners {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Listen implements flow.Bell. The channel holds one ring and is never closed. The caller calls the function
// when it stops listening; more than one call does no harm.
func (h *Hub) Listen(topic string) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s := h.of(topic)
	s.mu.Lock()
	if s.topics == nil {
		s.topics = make(map[string][]chan struct{})
	}
	s.topics[topic] = append(s.topics[topic], c)
	s.mu.Unlock()
	var once sync.Once
	return c, func() { once.Do(func() { s.remove(topic, c) }) }
}

// remove takes one listener off a topic, and the topic off the map with its last listener.
func (s *shard) remove(topic string, c chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	listeners := s.topics[topic]
	for i := range listeners {
		if listeners[i] == c {
			listeners[i] = listeners[len(listeners)-1]
			listeners[len(listeners)-1] = nil
			listeners = listeners[:len(listeners)-1]
			break
		}
	}
	if len(listeners) == 0 {
		delete(s.topics, topic)
	} else {
		s.topics[topic] = listeners
	}
}
