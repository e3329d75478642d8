package input

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxWindow bounds the memory that a compressed file may ask for: xz -9 and
// zstd --long=27 need less.
const maxWindow = 128 << 20

// magicSize is how many bytes tell a compression.
const magicSize = 6

// compression names what a file that begins with magic is compressed with; empty
// for plain text.
func compression(magic []byte) string {
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		return "gzip"
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		return "zstd"
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		return "xz"
	case len(magic) > 3 && bytes.HasPrefix(magic, []byte("BZh")) && magic[3] >= '1' && magic[3] <= '9':
		return "bzip2"
	case bytes.HasPrefix(magic, []byte("PK\x03\x04")):
		return "zip"
	}
	return ""
}

// decompress returns the plain text of raw and the name of its compression,
// which is empty for plain text.
func decompress(raw *bufio.Reader) (r io.Reader, kind string, err error) {
	magic, _ := raw.Peek(magicSize) // shorter at the end of a short file
	switch kind = compression(magic); kind {
	case "gzip":
		r, err = gzip.NewReader(raw)
	case "zstd":
		var z *zstd.Decoder // with concurrency 1 it has no goroutine to stop
		if z, err = zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow)); err == nil {
			r = z
		}
	case "xz":
		if window := xzWindow(raw); window > maxWindow {
			return nil, kind, fmt.Errorf("it takes %d MiB of memory to unpack, more than the %d MiB allowed", window>>20, maxWindow>>20)
		}
		r, err = xz.NewReader(raw)
	case "bzip2":
		r = bzip2.NewReader(raw)
	case "zip":
		err = errors.New("it is a zip archive, unpack it first")
	default:
		r = raw
	}
	return r, kind, err
}

// xzWindow reads the size of the dictionary from the header of the first block,
// since the decoder allocates whatever it says. It is 0 if it cannot be told.
func xzWindow(raw *bufio.Reader) int64 {
	const streamHeader, lzma2 = 12, 0x21
	b, _ := raw.Peek(streamHeader + 32)
	if len(b) < streamHeader+6 {
		return 0
	}
	block := b[streamHeader:]
	flags, i := block[1], 2
	for _, present := range [...]bool{flags&0x40 != 0, flags&0x80 != 0} { // two sizes, if given
		for present && i < len(block) {
			present = block[i]&0x80 != 0
			i++
		}
	}
	if i+2 >= len(block) || block[i] != lzma2 || block[i+1] != 1 || block[i+2] > 40 {
		return 0
	}
	bits := int64(block[i+2])
	return (2 | bits&1) << (bits/2 + 11)
}

// explain says in plain words what a decoder found wrong.
func explain(kind string, err error) error {
	switch {
	case kind == "":
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the %s data ends too early, the file is cut off: %w", kind, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the %s data is damaged: %w", kind, err)
}
