// Drawing tiles: grey from the tile, colour from the chroma of the whole photo, luminance always the tile's.

export const VERTEX = `#version 300 es
in vec2 corner;                 // 0..1 over the tile's part that is drawn
uniform vec4 place;             // of it in photo pixels: left, top, width, height
uniform vec4 part;              // of the texture: left, top, width, height, 0..1
uniform vec4 view;              // centre in photo pixels, half the screen in photo pixels
uniform vec2 photo;
out vec2 inTile;
out vec2 inPhoto;
void main() {
  vec2 at = place.xy + corner * place.zw;
  inTile = part.xy + corner * part.zw;
  inPhoto = at / photo;
  vec2 clip = (at - view.xy) / view.zw;
  gl_Position = vec4(clip.x, -clip.y, 0.0, 1.0);
}`;

export const COLOR = `#version 300 es
precision highp float;
in vec2 inTile;
in vec2 inPhoto;
uniform sampler2D grey;
uniform sampler2D chroma;       // a and b over shading(L*)
uniform sampler2D doubt;
uniform float saturation;       // 0 shows grey
uniform float split;            // device pixels from the left that are shown grey
uniform float doubted;          // share of the map of doubt that is laid over
out vec4 color;

float decode(float v) { return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4); }
float root(float t) { return t > 0.008856452 ? pow(t, 1.0 / 3.0) : t * 7.787037 + 0.137931; }
float cube(float f) { return f > 0.2068966 ? f * f * f : (f - 0.137931) * 0.1284185; }
vec3 encode(vec3 v) { return mix(v * 12.92, 1.055 * pow(max(v, 0.001), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, v)); }

const mat3 LINEAR = mat3(3.24062548, -0.96893071, 0.05571012, -1.53720797, 1.87575606, -0.20402105,
                         -0.4986286, 0.04151752, 1.05699594);

void main() {
  float code = texture(grey, inTile).r;
  color = vec4(vec3(code), 1.0);
  if (saturation > 0.0 && gl_FragCoord.x >= split) {
    float y = decode(code);
    float f = root(y);                                  // (L* + 16) / 116
    vec2 ab = texture(chroma, inPhoto).rg * 116.0 * sqrt(f) * saturation;
    vec3 xyz = vec3(cube(f + ab.x / 500.0) * 0.9505, y, cube(f - ab.y / 200.0) * 1.089);
    vec3 away = LINEAR * xyz - y;
    vec3 room = mix(vec3(y), vec3(1.0 - y), step(0.0, away));
    vec3 fits = room / max(abs(away), max(room, vec3(1e-9)));
    color.rgb = encode(clamp(y + away * min(fits.r, min(fits.g, fits.b)), 0.0, 1.0));
  }
  if (doubted > 0.0) {
    float unsure = smoothstep(0.25, 1.0, texture(doubt, inPhoto).r) * doubted;
    color.rgb = mix(color.rgb * (1.0 - 0.35 * doubted), vec3(0.96, 0.66, 0.2), 0.7 * unsure);
  }
}`;

/** Tiles that come from the server as they will be written. */
export const EXACT = `#version 300 es
precision highp float;
in vec2 inTile;
uniform sampler2D grey;
uniform float split;
out vec4 color;
void main() {
  if (gl_FragCoord.x < split) discard;
  color = vec4(texture(grey, inTile).rgb, 1.0);
}`;
