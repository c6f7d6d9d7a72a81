// rpcx's benchmark message: 40 fields, filled as its own benchmark does.
const text = '许多往事在眼前一幕一幕，变的那麼模糊';

/** A literal, because an object that was filled key after key is a dictionary inside and is written at half the speed. */
const message = {
  Field1: text, Field2: 100000, Field3: 100000, Field4: text, Field5: [1000000001, 1000000002, 1000000003, 1000000004], Field6: 100000, Field7: text, Field9: text,
  Field12: true, Field13: true, Field14: true, Field16: 100000, Field17: true, Field18: text, Field22: 100000, Field23: 100000,
  Field24: true, Field25: 100000, Field29: 100000, Field30: true, Field59: true, Field60: 100000, Field67: 100000, Field68: 100000,
  Field78: true, Field80: true, Field81: true, Field100: 100000, Field101: 100000, Field102: text, Field103: text, Field104: 100000,
  Field128: 100000, Field129: text, Field130: 100000, Field131: 100000, Field150: 100000, Field271: 100000, Field272: 100000, Field280: 100000,
};

/** The same message under other names for each shape but the first. */
export function messageOf(shape) {
  return shape === 0 ? message : JSON.parse(JSON.stringify(message).replaceAll('Field', `F${shape}ld`));
}

/** The Go types of a message's fields, out of what codec-msgpack exports. */
export function kindsOf(example, { array, bool, int32, int64, string, uint64 }) {
  return Object.fromEntries(Object.entries(example).map(([name, value]) => {
    if (Array.isArray(value)) return [name, array(uint64)];
    return [name, name === 'Field22' ? int64 : { string, boolean: bool, number: int32 }[typeof value]];
  }));
}
