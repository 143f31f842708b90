// A picture in 256 colours: a page is a few of them and their edges, and the file is a third of what a browser writes.
import { deflateSync, inflateSync } from 'node:zlib';

const MAGIC = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);

/** The same picture with a palette. `png` is what a browser makes: 8 bits a channel, with or without alpha, not interlaced. */
export function small(png: Buffer): Buffer {
  const { width, height, pixels } = read(png);
  const counts = new Map<number, number>();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const palette = chosen([...counts.entries()].sort((a, b) => b[1] - a[1]));
  const near = new Map(palette.map((colour, index) => [colour, index]));
  const rows = Buffer.alloc((width + 1) * height);
  pixels.forEach((pixel, index) => {
    let found = near.get(pixel);
    if (found === undefined) {
      found = nearest(palette, pixel);
      near.set(pixel, found);
    }
    rows[(width + 1) * Math.floor(index / width) + 1 + (index % width)] = found;
  });
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([MAGIC, chunk('IHDR', head), chunk('PLTE', colours), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

/** The most frequent colours as they are, then those that would be missed most: far from all before them, and not rare. */
function chosen(counts: [number, number][]): number[] {
  const palette = counts.slice(0, 64).map(([colour]) => colour);
  const rest = counts.slice(64).map(([colour, count]) => ({ colour, count, far: Math.min(...palette.map((other) => distance(colour, other))) }));
  while (palette.length < Math.min(256, counts.length)) {
    const next = rest.reduce((best, one) => (one.far * Math.sqrt(one.count) > best.far * Math.sqrt(best.count) ? one : best));
    palette.push(next.colour);
    for (const one of rest) one.far = Math.min(one.far, distance(one.colour, next.colour));
  }
  return palette;
}

function distance(one: number, other: number): number {
  const [red, green, blue] = [16, 8, 0].map((shift) => ((one >> shift) & 255) - ((other >> shift) & 255));
  return red * red * 3 + green * green * 4 + blue * blue * 2;
}

function nearest(palette: number[], colour: number): number {
  let best = 0, least = Infinity;
  palette.forEach((other, index) => {
    const far = distance(colour, other);
    if (far < least) [best, least] = [index, far];
  });
  return best;
}

function read(png: Buffer): { width: number; height: number; pixels: Uint32Array } {
  const [width, height, kind] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25]];
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const data = inflateSync(Buffer.concat(parts));
  const size = kind === 6 ? 4 : 3;
  const line = width * size;
  const pixels = new Uint32Array(width * height);
  let above = Buffer.alloc(line);
  for (let y = 0; y < height; y++) {
    const filter = data[y * (line + 1)];
    const row = Buffer.from(data.subarray(y * (line + 1) + 1, (y + 1) * (line + 1)));
    for (let x = 0; x < line; x++) {
      const [left, up, corner] = [x < size ? 0 : row[x - size], above[x], x < size ? 0 : above[x - size]];
      row[x] += [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
    }
    for (let x = 0; x < width; x++) pixels[y * width + x] = (row[x * size] << 16) | (row[x * size + 1] << 8) | row[x * size + 2];
    above = row;
  }
  return { width, height, pixels };
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  let sum = 0xffffffff;
  for (const byte of body) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE((sum ^ 0xffffffff) >>> 0, body.length + 4);
  return whole;
}
