// archiver and @aws-sdk/lib-storage, as their READMEs have it: node zip-s3.mjs SETTINGS KEY
import { GetObjectCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import archiver from 'archiver'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'

const [settings, key] = process.argv.slice(2)
const { endpoint, region, bucket, accessKey, secretKey } = JSON.parse(settings)
const client = new S3Client({
  endpoint,
  region,
  credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  forcePathStyle: true,
  requestChecksumCalculation: 'WHEN_REQUIRED' // Ceph knows no trailers
})
const zip = archiver('zip', { store: true })
const upload = new Upload({ client, params: { Bucket: bucket, Key: key, Body: zip.pipe(new PassThrough()) }, partSize: 8 << 20 }).done()
for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: 'sources/' })) {
  for (const { Key } of page.Contents) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }))
    const added = once(zip, 'entry')
    zip.append(Body, { name: Key.slice('sources/'.length) })
    await added
  }
}
await zip.finalize()
await upload
