// node sharp.mjs SOURCE TARGET RULES: what Host assets images does, by sharp. Decodes once, for the widest; as many photos at a time as processors.
import { readFile, readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, parse } from 'node:path'
import sharp from 'sharp'

const [source, target, rules] = process.argv.slice(2)
const [rule] = JSON.parse(await readFile(rules, 'utf8'))
const widths = [...rule.widths].sort((a, b) => b - a)
sharp.cache(false)
sharp.concurrency(1)

async function make(name) {
  let { data, info } = await sharp(join(source, name)).autoOrient().resize({ width: widths[0], withoutEnlargement: true }).raw().toBuffer({ resolveWithObject: true })
  for (const width of widths) {
    if (width < info.width) {
      ;({ data, info } = await sharp(data, { raw: info }).resize({ width }).raw().toBuffer({ resolveWithObject: true }))
    }
    const out = join(target, `${parse(name).name}-${width}`)
    const picture = () => sharp(data, { raw: info })
    if (rule.jpeg) await picture().jpeg({ quality: rule.jpeg, progressive: true, optimiseCoding: true }).toFile(`${out}.jpg`)
    if (rule.webp) await picture().webp({ quality: rule.webp, effort: 4 }).toFile(`${out}.webp`)
    if (rule.avif) await picture().avif({ quality: rule.avif, effort: 0, chromaSubsampling: '4:2:0' }).toFile(`${out}.avif`)
  }
}

const names = await readdir(source)
await Promise.all(Array.from({ length: availableParallelism() }, async () => {
  for (let name = names.pop(); name; name = names.pop()) await make(name)
}))
