/** No JWT-SVID is larger: a token beyond it is refused before anything of it is read. */
export const MAX_TOKEN_BYTES = 64 * 1024;
