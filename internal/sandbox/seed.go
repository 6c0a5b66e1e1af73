package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// seedSession is a session of a seed file.
type seedSession struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ExpiresAt time.Time `json:"expires_at"`
	ExpiresIn string    `json:"expires_in"`
	Connected bool      `json:"connected"`

	lifetime time.Duration // ExpiresIn
}

// LoadSeedFile is LoadSeed for a file; without a name it does nothing.
func (s *Sandbox) LoadSeedFile(name string) error {
	if name == "" {
		return nil
	}
	file, err := os.Open(name) // #nosec G304 -- named by the person who runs this
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	return s.LoadSeed(file)
}

// LoadSeed stores the sessions of a JSON file, now and after each Reset:
//
//	{"sessions": [{"id": "…", "expires_in": "720h"}, {"id": "…", "created_at": "…", "expires_at": "…"}]}
//
// Times are RFC 3339; expires_in is a Go duration from now on. A session without
// an end gets the default lifetime, one without created_at was created now.
func (s *Sandbox) LoadSeed(r io.Reader) error {
	var seed struct {
		Sessions []seedSession `json:"sessions"`
	}
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&seed); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	for i := range seed.Sessions {
		item := &seed.Sessions[i]
		if item.ID == "" {
			return fmt.Errorf("seed: session %d has no id", i+1)
		}
		if item.ExpiresIn == "" {
			continue
		}
		var err error
		if item.lifetime, err = time.ParseDuration(item.ExpiresIn); err != nil || !item.ExpiresAt.IsZero() {
			return fmt.Errorf("seed: session %q: %w", item.ID, errors.Join(err, errors.New(`expires_in is a duration such as "720h", and excludes expires_at`)))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, item := range seed.Sessions {
		s.putSeed(item)
	}
	s.seed = append(s.seed, seed.Sessions...)
	return nil
}

func (s *Sandbox) putSeed(item seedSession) {
	session := Session{ID: item.ID, CreatedAt: item.CreatedAt, UpdatedAt: item.UpdatedAt, ExpiresAt: item.ExpiresAt}
	if item.ExpiresIn != "" {
		session.ExpiresAt = s.now().Add(item.lifetime)
	}
	s.put(session)
	if item.Connected {
		s.connect(item.ID)
	}
}
