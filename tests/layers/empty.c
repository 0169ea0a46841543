/* A program that is nothing but the library that is linked whole into it (tests/layers/meson.build). */
int main(void)
{
    return 0;
}
