package shapes

import (
	"encoding/json"
	"slices"

	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/share"
)

// ReversedJSON is the serialize number of the custom codec of these peers: JSON, last byte first.
const ReversedJSON protocol.SerializeType = 9

type reversedJSON struct{}

func (reversedJSON) Encode(value any) ([]byte, error) {
	data, err := json.Marshal(value)
	slices.Reverse(data)
	return data, err
}

func (reversedJSON) Decode(data []byte, into any) error {
	turned := slices.Clone(data)
	slices.Reverse(turned)
	return json.Unmarshal(turned, into)
}

func init() {
	share.RegisterCodec(ReversedJSON, reversedJSON{})
}
